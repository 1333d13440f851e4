"""Reports in Chromium, at a phone's and at a desktop's width."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import page_of_thousand, thousand_members
from small import TINY

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

WIDTHS = {"phone": (390, 844), "desktop": (1440, 900)}

PAGES = ("run", "task", "sweep", "thousand")

FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return Chromium, or skip what needs it."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    pytest.importorskip("axe_playwright_python", reason="axe is not installed")
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    path = next(filter(None, found), None)
    if path is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def reports(
    run_folder: Path, task_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Return a report of each kind by name."""
    from yang_rnn.ensemble.sweep import sweep

    folder = tmp_path_factory.mktemp("browser")
    runaway = dataclasses.replace(TINY, learning_rate=1e30)  # its members fail
    rates = {"learning_rate": [TINY.learning_rate, runaway.learning_rate]}
    sweep(TINY, range(2), out=folder / "sweep", vary=rates)
    (folder / "thousand.html").write_text(page_of_thousand())
    return {
        "run": run_folder / "report.html",
        "task": task_folder / "report.html",
        "sweep": folder / "sweep" / "report.html",
        "thousand": folder / "thousand.html",
    }


@dataclasses.dataclass
class Opened:
    """A page in a window of the browser, with what it asked for and what went wrong."""

    page: Any
    address: str
    requests: list[str]
    problems: list[str]


@pytest.fixture
def open_page(browser: Any, reports: dict[str, Path]) -> Iterator[Any]:
    windows = []

    def opened(name: str, width: str, **settings: Any) -> Opened:
        across, down = WIDTHS[width]
        window = browser.new_context(viewport={"width": across, "height": down}, **settings)
        windows.append(window)
        address = reports[name].as_uri()
        here = Opened(window.new_page(), address, [], [])
        here.page.on("request", lambda request: here.requests.append(request.url))
        here.page.on("console", lambda message: here.problems.append(message.text))
        here.page.on("pageerror", lambda error: here.problems.append(str(error)))
        here.page.goto(address)
        return here

    yield opened
    for window in windows:
        window.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_by_itself(name: str, width: str, open_page: Any):
    here = open_page(name, width)
    assert here.problems == []
    outside = [url for url in here.requests if not url.startswith("data:image/png;base64,")]
    assert outside == [here.address]
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert here.page.evaluate(wider) == 0
    empty = "[...document.images].filter(i => !i.complete || i.naturalWidth === 0).length"
    assert here.page.evaluate(empty) == 0
    assert (here.page.locator("img").count() > 0) == (name != "thousand")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "name", ["run", "task", "sweep", pytest.param("thousand", marks=pytest.mark.slow)]
)
def test_a_page_can_be_used_by_everybody(name: str, width: str, scheme: str, open_page: Any):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    here = open_page(name, width, color_scheme=scheme)
    if name != "thousand":  # of what is folded nothing is looked at
        here.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = axe.Axe().run(here.page).response
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []
    assert len(found["passes"]) > 20


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_all_without_scripts(name: str, open_page: Any):
    here = open_page(name, "phone", java_script_enabled=False)
    assert here.problems == []
    assert here.page.locator("h1").is_visible()
    assert here.page.locator(".word p").first.is_visible()
    assert not here.page.locator(".controls:visible").count()
    summaries = here.page.locator("main details:not(.word) > summary")
    summaries.first.click()
    assert here.page.locator("main details[open]:not(.word)").count() == 1


def test_words_are_open_in_the_margin_and_folded_on_a_phone(open_page: Any):
    wide, narrow = (open_page("run", width).page for width in ("desktop", "phone"))
    assert wide.locator(".word[open]").count() == wide.locator(".word").count() > 10
    assert narrow.locator(".word[open]").count() == 0
    beside = wide.evaluate(
        "document.querySelector('.words').getBoundingClientRect().left >= "
        "document.querySelector('section .text').getBoundingClientRect().right"
    )
    assert beside
    narrow.locator(".word summary").first.click()
    assert narrow.locator(".word p").first.is_visible()


def test_wide_figures_say_on_a_phone_that_they_scroll(open_page: Any):
    hint = "getComputedStyle(document.querySelector('.card.wide'), '::before').content"
    assert "Scroll sideways" in open_page("run", "phone").page.evaluate(hint)
    assert open_page("run", "desktop").page.evaluate(hint) == "none"


@pytest.mark.parametrize("width", WIDTHS)
def test_members_are_sorted(width: str, open_page: Any):
    page = open_page("thousand", width).page
    values = (
        "k => [...document.querySelectorAll('.members tbody')]"
        ".map(b => b.rows[0].cells[k].dataset.value)"
    )
    heads = page.locator(".members thead th").all_text_contents()
    verdict = heads.index("verdict")
    page.get_by_role("button", name="verdict", exact=True).click()
    rising = page.evaluate(values, verdict)
    assert rising == sorted(rising)
    page.get_by_role("button", name="verdict", exact=True).click()
    assert page.evaluate(values, verdict) == sorted(rising, reverse=True)
    head = page.locator(".members thead th").nth(verdict)
    assert head.get_attribute("aria-sort") == "descending"
    for name in ("accuracy", "evidence kept", "direction kept", "fixed points"):
        page.get_by_role("button", name=name).click()
        found = page.evaluate(values, heads.index(name))
        numbers = [float(value) for value in found if value]
        assert len(numbers) > 900
        assert numbers == sorted(numbers)
        assert page.evaluate("document.documentElement.scrollWidth") == WIDTHS[width][0]


@pytest.mark.parametrize("width", WIDTHS)
def test_members_are_filtered_by_label_and_by_text(width: str, open_page: Any):
    page = open_page("thousand", width).page
    controls = page.locator(".controls")
    shown = page.locator(".members tbody:visible")
    assert page.locator("#shown").text_content() == "1000 of 1000 members"
    controls.get_by_label("verdict").select_option("line attractor")
    lines = shown.count()
    assert page.locator("#shown").text_content() == f"{lines} of 1000 members"
    assert 0 < lines < 1000
    controls.get_by_label("mechanism").select_option("slow direction")
    both = shown.count()
    assert 0 < both < lines
    controls.get_by_label("verdict").select_option("")
    controls.get_by_label("mechanism").select_option("")
    near = list(thousand_members()["near"].dropna())
    controls.get_by_label("near").select_option("near another")
    assert shown.count() == len(near)
    controls.get_by_label("near").select_option("line attractor")
    assert 0 < shown.count() == near.count("line attractor")
    controls.get_by_label("near").select_option("no")
    assert shown.count() == 1000 - len(near)
    controls.get_by_label("near").select_option("")
    page.get_by_label("text").fill("Seed77")
    assert shown.count() == 11  # 77 and 770 to 779
    page.get_by_label("text").fill("no such words")
    assert shown.count() == 0


def test_a_member_opens_to_the_reason(open_page: Any):
    page = open_page("thousand", "phone").page
    member = page.locator("#seed7")
    assert not member.locator("details p").first.is_visible()
    member.locator("summary").click()
    assert "decisions keep a share of" in member.locator("details p").first.text_content()
    assert member.locator("details p").count() == 2


def test_a_portrait_leads_to_its_open_row(open_page: Any):
    page = open_page("sweep", "desktop").page
    link = page.locator(".portraits a").first
    target = link.get_attribute("href")
    link.click()
    page.wait_for_function("target => document.querySelector(target + ' details').open",
                           arg=target.replace(".", "\\."))  # fmt: skip
    assert page.locator(".members details[open]").count() == 1


def test_failed_members_say_why(open_page: Any):
    page = open_page("sweep", "phone").page
    failed = page.locator(".members .against")
    assert failed.count() == 2
    assert "DivergenceError" in failed.first.text_content()


def test_a_thousand_members_are_there_at_once(open_page: Any):
    page = open_page("thousand", "phone").page
    took = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert 0 < took < 5_000  # ms, where many tests run at once


@pytest.mark.parametrize("width", WIDTHS)
def test_the_figure_to_be_turned_is_drawn_when_it_is_opened(width: str, open_page: Any):
    pytest.importorskip("plotly")
    here = open_page("run", width)
    assert not here.page.locator("#turned canvas").count()
    here.page.click(".turned > summary")
    here.page.wait_for_selector("#turned canvas")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(here.page).response
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []
    assert not [text for text in here.problems if "Canvas2D" not in text and "WebGL" not in text]
    assert here.page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[width][0]
    assert all(address == here.address for address in here.requests if address[:5] == "file:")
    assert not [address for address in here.requests if address.startswith("http")]
