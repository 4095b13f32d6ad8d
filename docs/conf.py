"""How Sphinx makes one site (``make docs``) of the Markdown, the docstrings and the commands."""
# ruff: noqa: ARG001 -- Sphinx hands its handlers more than they need

import re
from enum import Enum
from importlib import import_module

from docutils import nodes
from sphinx import addnodes

for package in map(import_module, ("hwsim", "snntrain", "snnexport")):
    for name in package.__all__:
        getattr(package, name)  # imported on first use, and autodoc lists what is there

project = "spikeport"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_click",
    "sphinx_copybutton",
]
# the source is the whole repository, so that links out of docs/ lead where they lead on a forge
root_doc = "docs/index"
include_patterns = ["README.md", "CHANGELOG.md", "docs/**", "models/*/README.md"]
exclude_patterns = [".*", "build", "out"]
nitpicky = True  # a reference that leads nowhere is a warning, and warnings are errors
nitpick_ignore_regex = [(r"py:.*", r"(collections|numpy|torch)\..*|Tensor")]  # what others document

myst_heading_anchors = 3  # links to headings, as forges make them
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600

autodoc_member_order = "groupwise"
autodoc_typehints_format = "short"
napoleon_google_docstring = False
python_maximum_signature_line_length = 88

smartquotes = False  # two dashes are an option
html_theme = "furo"
html_title = "spikeport"
html_show_copyright = False
html_copy_source = False
html_extra_path = ["index.html"]  # leads to docs/index.html


CODE = re.compile(r"(``.*?``|`[^`]*`|^ *\.\. .*)")


def escape(lines):
    """Let lines write ``(T, B, *shape)`` and ``|g|``: neither is markup here."""
    for i, line in enumerate(lines):
        parts = CODE.split(line)
        parts[::2] = [re.sub(r"[*|]", r"\\\g<0>", part) for part in parts[::2]]
        lines[i] = "".join(parts)


def plain(app, what, name, obj, options, lines):
    """Keep markup out of a docstring that has none."""
    escape(lines)
    if what in ("attribute", "data", "property"):
        lines[:0] = ["..", ""]  # an empty comment, else "The classes: ..." begins with a type


def keep(app, what, name, obj, skip, options):
    """Show every member of an Enum; its value says enough."""
    return False if isinstance(obj, Enum) else skip


def plain_options(app, context, lines):
    """Keep markup out of what ``--help`` says of options, and Python out of their defaults."""
    lines[:] = [re.sub(r"PosixPath\('(.*?)'\)", r"\1", line) for line in lines]
    escape(lines)


def find(app, env, node, contnode):
    """Look for a name that no module before it says where: the public object so called.

    The types in a signature need no page of their own.
    """
    if node.get("refdomain") != "py":
        return None
    node["refspecific"] = True
    where = env.domains.python_domain
    kind, target = node["reftype"], node["reftarget"]
    found = where.resolve_xref(env, node["refdoc"], app.builder, kind, target, node, contnode)
    signed = any(isinstance(above, addnodes.desc_signature) for above in ancestors(node))
    return found or (contnode if signed else None)


def ancestors(node):
    """Yield what ``node`` is in, from the inside out."""
    while isinstance(node.parent, nodes.Node):
        node = node.parent
        yield node


def setup(app):
    """Register them; docstrings are made plain before napoleon reads their sections."""
    app.connect("autodoc-process-docstring", plain, priority=400)
    app.connect("autodoc-skip-member", keep)
    app.connect("sphinx-click-process-options", plain_options)
    app.connect("missing-reference", find)
