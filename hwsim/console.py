"""What every command shares: the ``--json`` flag, file arguments, lists, a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TypeVar

import click

from hwsim.errors import UnsupportedError

_Choice = TypeVar("_Choice", bound=Enum)

FILE = click.Path(path_type=Path)
"""A file argument; whether it exists is for the reader to say, with exit status 1."""

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def choices(kind: type[_Choice], text: str, what: str) -> tuple[_Choice, ...]:
    """Return the members that ``A,B`` names, each once, in that order.

    Raises UnsupportedError naming everything unknown; ``what`` is what the members are.
    """
    known = {member.value: member for member in kind}
    asked = _parts(text)
    unknown = [name for name in asked if name not in known]
    if unknown or not asked:
        raise UnsupportedError(
            f"there is no {what} {', '.join(map(repr, unknown)) or repr(text)}",
            hint=f"known: {', '.join(known)}",
        )
    return tuple(known[name] for name in dict.fromkeys(asked))


def names(text: str | None) -> tuple[str, ...] | None:
    """Return the names in ``A,B``; None for None. Raises BadParameter if there is none."""
    if text is None:
        return None
    found = _parts(text)
    if not found:
        raise click.BadParameter(f"{text!r} names nothing; give A,B, or leave it out")
    return found


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


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
