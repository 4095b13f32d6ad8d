"""What commands tell beside their results, all on stderr: notes, warnings, details, progress bars.

Anything may tell through ``logging.getLogger("spikeport")``: a debug record is a detail, which
--verbose shows, an info record a note, which --quiet hides with warnings and progress bars.
"""

from __future__ import annotations

import codecs
import logging
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

LOG = logging.getLogger("spikeport")
_LEVEL, _BARS = "spikeport.level", "spikeport.bars"
"""Keys of a click context's ``meta``, which a command shares with its group."""


def level_options() -> list[click.Option]:
    """Return ``--quiet`` and ``--verbose``, which a group and its commands take alike."""

    def kept(context: click.Context, _: click.Parameter, level: int | None) -> None:
        if level is not None:
            context.meta[_LEVEL] = level

    shared: dict[str, Any] = {"type": int, "default": None, "expose_value": False, "callback": kept}
    quiet = "Print results and errors alone."
    verbose = "Also say what is done when, and show where errors arise."
    return [
        click.Option(["-q", "--quiet", "level"], flag_value=logging.ERROR, help=quiet, **shared),
        click.Option(
            ["-v", "--verbose", "level"], flag_value=logging.DEBUG, help=verbose, **shared
        ),
    ]


def shows(level: int) -> bool:
    """Say whether what has this ``level`` is shown."""
    context = click.get_current_context(silent=True)
    return level >= (context.meta.get(_LEVEL, logging.INFO) if context else logging.INFO)


@contextmanager
def telling(context: click.Context) -> Iterator[None]:
    """Show what is logged while active, as loud as ``context`` says, on any kind of terminal."""
    _fit_streams()
    context.color = colour()
    lines, before = _Lines(context), LOG.level
    LOG.addHandler(lines)
    LOG.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        LOG.removeHandler(lines)
        LOG.setLevel(before)


class _Lines(logging.Handler):
    """Writes records to stderr: details with the time, warnings with their name."""

    def __init__(self, context: click.Context) -> None:
        super().__init__()
        self.context = context

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < self.context.meta.get(_LEVEL, logging.INFO):
            return
        text = harmless(self.format(record))
        if record.levelno <= logging.DEBUG:
            text = click.style(f"[{record.relativeCreated / 1000:6.2f} s] {text}", dim=True)
        elif record.levelno == logging.WARNING:
            text = click.style("warning:", fg="yellow", bold=True) + f" {text}"
        click.echo(text, err=True, color=colour())


def harmless(text: str) -> str:
    """Return lines that do nothing to a terminal, whatever names from files are in them."""
    from hwsim._report.figures import visible

    return "\n".join(map(visible, text.split("\n")))


def colour() -> bool | None:
    """Return whether to colour, as https://no-color.org and https://force-color.org say.

    None leaves it to whether the output is a terminal.
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def _fit_streams() -> None:
    """Let output that cannot hold every character, such as that of LC_ALL=C, show like ones."""
    codecs.register_error("spikeport", _alike)
    for stream in (sys.stdout, sys.stderr):
        if "utf" not in (getattr(stream, "encoding", None) or "utf").lower():
            stream.reconfigure(errors="spikeport")  # pyright: ignore[reportAttributeAccessIssue]


def _alike(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = (unicodedata.name(c, "") for c in error.object[error.start : error.end])
    return "".join(map(_plain, found)), error.end


def _plain(name: str) -> str:
    """Return the ASCII that looks like the character called ``name``: rules of tables, dashes."""
    if name.endswith(("HORIZONTAL", "DASH")) and " AND " not in name:  # no crossing
        return "-"
    if name.startswith("BOX DRAWINGS"):
        return "|" if name.endswith("VERTICAL") else "+"
    return "?"


@contextmanager
def progress_bar(title: str, unit: str = "steps") -> Iterator[Callable[..., None]]:
    """Give a callback that draws on stderr, if that is a terminal and --quiet is not given.

    It is called as ``(done, total, title, note, unit=...)``, all but the first two optional; a
    total of 0 is not known. Each title has a bar, with ``note`` behind it.
    """
    with _bars() as bars:
        tasks: dict[str, Any] = {}

        def update(
            done: float, total: float, title: str = title, note: str = "", *, unit: str = unit
        ) -> None:
            if bars is None:
                return
            if title not in tasks:
                tasks[title] = bars.add_task(title, unit=unit, note=note)
            bars.update(tasks[title], completed=done, total=total or None, note=note)

        try:
            yield update
        finally:
            for task in tasks.values():
                bars.remove_task(task)  # pyright: ignore[reportOptionalMemberAccess]


@contextmanager
def _bars() -> Iterator[Bars | None]:
    """Give the progress display that runs, or a new one; None where nothing is to be drawn."""
    context = click.get_current_context(silent=True)
    meta = {} if context is None else context.meta
    drawable = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    if not drawable or not shows(logging.INFO):
        yield None
    elif _BARS in meta:  # a download, say, while a network is trained
        yield meta[_BARS]
    else:
        with _display() as meta[_BARS]:
            try:
                yield meta[_BARS]
            finally:
                del meta[_BARS]


def _display() -> Bars:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Units a second, over the last half minute."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.1f} {task.fields['unit']}/s")

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        Rate(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        transient=True,
    )
