"""What every command shares: the ``--json`` flag, file arguments, lists, a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

FILE = click.Path(path_type=Path)
"""A file argument; whether it exists is for the reader to say, with exit status 1."""

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def names(text: str | None) -> tuple[str, ...] | None:
    """Return the names in ``A,B``; None for None."""
    return None if text is None else tuple(n.strip() for n in text.split(",") if n.strip())


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[..., None] | None]:
    """Give a callback ``(done, total, title=...)`` that draws on stderr, if it is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title)

        def update(done: int, total: int, title: str = title) -> None:
            bar.update(task, completed=done, total=total, description=title)

        yield update
