"""Check what a built package holds: all files of the source that git knows, and no others.

    python .ci/contents.py DIST [TAG]

DIST is a folder with one wheel and one sdist. The versions of the wheel, of CITATION.cff and of
the newest section of CHANGELOG.md, and the tag if there is one, must be that of pyproject.toml.
"""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
BESIDE = {"CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "pyproject.toml"}
MADE = {"PKG-INFO", ".gitignore"}
"""What an sdist has beside the source: `BESIDE` from the repository, `MADE` by the builder."""


def source() -> set[str]:
    """Return the paths of the package's files below ``src``, as git knows them."""
    command = ["git", "ls-files", "src/yang_rnn"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return {line.removeprefix("src/") for line in listed.stdout.splitlines()}


def differences(what: str, found: set[str], expected: set[str]) -> list[str]:
    """Say what a distribution lacks, and what it has too much."""
    lines = []
    if expected - found:
        lines.append(f"{what} lacks {sorted(expected - found)}")
    if found - expected:
        lines.append(f"{what} must not have {sorted(found - expected)}")
    return lines


def check_files(dist: Path) -> list[str]:
    """Return what is wrong with the files in the wheel and in the sdist."""
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
    about = f"{'-'.join(wheel.name.split('-')[:2])}.dist-info/"
    package = {name for name in in_wheel if not name.startswith(about)}
    with tarfile.open(sdist) as archive:
        members = [PurePosixPath(each.name) for each in archive if each.isfile()]
    in_sdist = {str(path.relative_to(path.parts[0])) for path in members}
    expected = {f"src/{name}" for name in source()} | BESIDE
    wrong = differences("the wheel", package, source())
    wrong += differences("the sdist", in_sdist - MADE, expected)
    typed = {"yang_rnn/py.typed", "yang_rnn/__init__.pyi", f"{about}licenses/LICENSE"}
    return wrong + [f"the wheel lacks {name}" for name in sorted(typed - in_wheel)]


def check_versions(dist: Path, tag: str | None) -> list[str]:
    """Return which versions are not that of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    version = project["version"]
    (wheel,) = dist.glob("*.whl")
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    released = re.search(r"^## \[([\d.]+)\] - \d{4}-\d\d-\d\d$", changes, re.MULTILINE)
    found = {
        "the wheel": wheel.name.split("-")[1],
        "CITATION.cff": cited[1] if cited else "nothing",
        "the newest release in CHANGELOG.md": released[1] if released else "nothing",
    }
    if tag is not None:
        found["the tag"] = tag.removeprefix("v") if tag.startswith("v") else tag
    return [f"{what} says {v}, not {version}" for what, v in found.items() if v != version]


def main() -> None:
    """Print what is wrong and fail, or say that nothing is."""
    dist, tag = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    wrong = check_files(dist) + check_versions(dist, tag)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(source())} files of the source in the wheel and in the sdist, one version")


if __name__ == "__main__":
    main()
