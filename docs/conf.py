"""The documentation site: `sphinx-build -n -W --keep-going docs build/site`."""

import importlib.metadata
import os
import re
import sys
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

HERE = Path(__file__).parent
NOTEBOOKS = sorted((HERE.parent / "notebooks").glob("*.ipynb"))

repository = os.environ.get("GITHUB_REPOSITORY", "")
"""owner/name on GitHub, for the Colab buttons; without it there are none."""

project = "yang_rnn"
author = "The yang_rnn authors"
copyright = author
release = importlib.metadata.version("yang-rnn")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
]
exclude_patterns = ["_templates"]
templates_path = ["_templates"]
default_role = "py:obj"  # `name` in a docstring links to what it names, if it names something

myst_enable_extensions = ["attrs_inline", "colon_fence"]
myst_heading_anchors = 3
nb_render_markdown_format = "myst"  # tables too
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE.parent / "build" / "notebook-cache")
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
copybutton_exclude = ".linenos, .gp, .go"

autosummary_generate = True
autosummary_imported_members = True
autodoc_typehints = "none"  # the docstrings say the types, with shapes and units
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # autodoc shows them

html_theme = "furo"
html_title = "yang_rnn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_theme_options = {"top_of_page_buttons": []}


def copy_notebooks(app: Sphinx) -> None:
    """Put the repository's notebooks beside the pages, where Sphinx looks for them."""
    folder = HERE / "notebooks"
    folder.mkdir(exist_ok=True)
    for path in NOTEBOOKS:
        text = path.read_text("utf-8").replace("](../docs/", "](../")
        copy = folder / path.name
        if not copy.exists() or copy.read_text("utf-8") != text:  # an older one is read anew
            copy.write_text(text, "utf-8")


def add_colab_button(app: Sphinx, docname: str, content: list[str]) -> None:
    """Put a button above a notebook that opens it in Colab, and what to run there first."""
    if not repository or not docname.startswith("notebooks/"):
        return
    address = f"https://colab.research.google.com/github/{repository}/blob/main/{docname}.ipynb"
    text = (
        f"[Open in Colab]({address}){{.colab}} and run there first: "
        f"`%pip install git+https://github.com/{repository}`"
    )
    notebook = nbformat.reads(content[0], as_version=4)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(text))
    content[0] = nbformat.writes(notebook)


def as_restructured_text(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Let the |x| and [1]_ of docstrings be what they are: not substitutions, nor links."""
    if name.startswith("yang_rnn."):
        for number, line in enumerate(lines):
            parts = re.split("(`+[^`]+`+)", line)
            parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
            lines[number] = "".join(parts)
            if what in ("attribute", "property"):  # the list of sources is the class's
                lines[number] = re.sub(r"\[(\d+)\]_", r"[\1]", lines[number])


def as_the_source_says(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Let data have the words below it in the module that it comes from, not its class's."""
    if what != "data":
        return
    short = name.split(".")[-1]
    for module in [each for each in sys.modules if each.startswith("yang_rnn.")]:
        if vars(sys.modules[module]).get(short) is thing:
            found = ModuleAnalyzer.for_module(module).find_attr_docs().get(("", short))
            if found:
                lines[:] = found


def say_what_pictures_show(app: Sphinx, doctree: nodes.document) -> None:
    """Give each figure of a cell the heading and the words before it as its alternative text."""
    heading = words = ""
    for node in doctree.findall():
        if isinstance(node, nodes.title):
            heading, words = node.astext(), ""
        elif isinstance(node, nodes.paragraph):
            words = node.astext()
        elif isinstance(node, nodes.image) and not node.get("alt"):
            first = re.split(r"(?<=[.:]) ", words.replace("\n", " "))[0].rstrip(".:")
            node["alt"] = f"Figure of the cell above: {': '.join(filter(None, (heading, first)))}"


def leave_unlinked(
    app: Sphinx, env: object, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """Show the `name` of an argument or a field, which has no page, as it stands."""
    return content if node.get("reftype") == "obj" else None


def setup(app: Sphinx) -> None:
    """Connect what is done here to Sphinx."""
    app.connect("builder-inited", copy_notebooks)
    app.connect("source-read", add_colab_button)
    app.connect("autodoc-process-docstring", as_the_source_says, priority=100)
    app.connect("autodoc-process-docstring", as_restructured_text, priority=900)
    app.connect("doctree-read", say_what_pictures_show)
    app.connect("missing-reference", leave_unlinked)
