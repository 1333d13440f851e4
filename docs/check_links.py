"""Check a built site: `python docs/check_links.py build/site`.

Every link inside it must lead to a file, and to a place in it; nothing that a page loads may come
from elsewhere. Links to other sites are not followed.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links of a page, what it loads, and its places."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.places: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag points at, and its name."""
        values = {name: value for name, value in attrs if value}
        self.places.update(values[name] for name in ("id", "name") if name in values)
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        elif tag == "link" and values.get("rel") in ("stylesheet", "preload", "icon"):
            self.loads.add(values["href"])
        elif "src" in values:
            self.loads.add(values["src"])


def problems(site: Path) -> list[str]:
    """Say what is wrong with the pages of a site, a line each."""
    pages = {path: Page(path) for path in sorted(site.resolve().rglob("*.html"))}
    if not pages:
        return [f"{site}: no pages"]
    found = []
    for path, page in pages.items():
        here = path.relative_to(site.resolve())
        for address in sorted(page.loads | page.links):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                if address in page.loads and parts.scheme != "data":
                    found.append(f"{here}: loads {address}")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                found.append(f"{here}: {address} leads to no file")
            elif parts.fragment and target in pages:
                if unquote(parts.fragment) not in pages[target].places:
                    found.append(f"{here}: {address} leads to no place in its page")
    return found


if __name__ == "__main__":
    wrong = problems(Path(sys.argv[1]))
    print("\n".join(wrong) or "every link inside the site leads somewhere")
    sys.exit(bool(wrong))
