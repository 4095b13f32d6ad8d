"""Text for a terminal: tables and lists in which nothing that a file says is obeyed."""

from __future__ import annotations

import io
import shutil
import textwrap
from collections.abc import Sequence

from hwsim._report import figures
from hwsim._report.figures import visible
from hwsim._report.values import Bracket

_WIDTH = 100
_TEXT_WIDTH = 16
"""What is left for a column of texts however much room the numbers take."""
_BETWEEN = 2
"""Characters between columns."""


def paragraph(text: str) -> str:
    """Return ``text`` as lines of the terminal's width."""
    return textwrap.fill(visible(text), _width(), break_on_hyphens=False)


def listed(title: str, items: Sequence[str]) -> list[str]:
    """Return one block of a line an item below ``title``, or none if there are no items."""
    lines = [
        textwrap.fill(
            visible(item),
            _width(),
            initial_indent="  - ",
            subsequent_indent="    ",
            break_on_hyphens=False,
        )
        for item in items
    ]
    return ["\n".join([f"{visible(title)}:", *lines])] if items else []


def span(value: Bracket) -> str:
    """Write a range in a column whose head has the unit; a dash if it is not known."""
    if value.low is None or value.high is None:
        return figures.number(None)
    return figures.count_range(value.low, value.high)


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return ``title`` and below it the rows; a head with a leading ``>`` is of numbers.

    Cells are plain text: neither markup nor emoji codes are read. Texts are folded to the
    terminal's width; numbers never, the table gets wider for them.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    look = {"box": box.SIMPLE_HEAD, "padding": (0, 1, 0, 0), "pad_edge": False}
    found = Table(**look, show_header=any(heads))
    widths = [_least(*column) for column in zip(heads, *rows, strict=True)]
    for head, width in zip(heads, widths, strict=True):
        right = head.startswith(">")
        found.add_column(
            Text(visible(head.removeprefix(">"))),
            justify="right" if right else "left",
            overflow="fold",
            no_wrap=right,
            min_width=width,
        )
    for row in rows:
        found.add_row(*(Text(visible(cell)) for cell in row))
    whole = max(_width(), sum(widths) + _BETWEEN * len(widths))
    console = Console(file=io.StringIO(), color_system=None, force_terminal=False, width=whole)
    with console.capture() as capture:
        console.print(found)
    _, _, text = capture.get().removesuffix("\n").partition("\n")  # the edge above is empty
    return f"{paragraph(title)}\n{text}" if title else text


def _least(head: str, *cells: str) -> int:
    """Return the width below which a column must not go: of numbers, that of the longest."""
    longest = max(map(len, (head.removeprefix(">"), *cells)))
    return longest if head.startswith(">") else min(longest, _TEXT_WIDTH)


def render(blocks: Sequence[str]) -> str:
    """Return the blocks below each other, without spaces at the ends of lines."""
    return "\n".join(line.rstrip() for line in "\n".join(blocks).split("\n"))


def _width() -> int:
    return max(shutil.get_terminal_size((_WIDTH, 24)).columns, _WIDTH)
