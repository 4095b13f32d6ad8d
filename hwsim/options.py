"""What the commands' options share: types, help texts, lists, examples and completion."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from hwsim.console import LOG, level_options, shows
from hwsim.errors import SpikeportError, UnsupportedError, known_hint

_Choice = TypeVar("_Choice", bound=Enum)
Option = Callable[[Callable[..., Any]], Callable[..., Any]]
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

FILE, WRITTEN, FOLDER = (click.Path(readable=False, path_type=Path) for _ in range(3))
"""What is read, whose reader says with status 1 if it cannot be, and a file and a folder that are
written, which must be none of those that are read."""


class Command(click.Command):
    """A command with ``--quiet`` and ``--verbose`` that looks at where it writes before it runs."""

    def __init__(self, *args: Any, params: list[click.Parameter], **options: Any) -> None:
        super().__init__(*args, params=[*params, *level_options()], **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, unless it could not write, or would write over what it reads."""
        if shows(logging.DEBUG):
            from hwsim.versions import versions

            for line in versions():
                LOG.debug(line)
        self._check_paths(ctx)
        return super().invoke(ctx)

    def _check_paths(self, context: click.Context) -> None:
        from hwsim.files import is_device, require_writable

        named: dict[Path, click.Parameter] = {}
        for parameter in self.params:
            path = context.params.get(parameter.name or "")
            if path is None or parameter.type not in (FILE, WRITTEN, FOLDER) or is_device(path):
                continue
            other = named.setdefault(path.resolve(), parameter)
            if other is not parameter and not (other.type is parameter.type is FILE):
                labels = [p.get_error_hint(context) for p in (other, parameter)]
                raise click.UsageError(f"{path} is given as {' and '.join(labels)}", context)
            if parameter.type is not FILE:
                require_writable(path, folder=parameter.type is FOLDER)


def command(*examples: str, name: str | None = None) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command; its help ends with the ``examples``, a line each."""
    shown = "\n".join(["\b", "Examples:", *(f"  spikeport {line}" for line in examples)])
    return click.command(name, cls=Command, epilog=shown)


def completing(
    names: Callable[[click.Context], Iterable[str]], *, several: bool = False
) -> Complete:
    """Return the ``shell_complete`` of a parameter: names, or files if none begins so.

    ``several``: in a list A,B. Names that cannot be found are not completed.
    """

    def complete(
        context: click.Context, _: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        head, comma, last = incomplete.rpartition(",") if several else ("", "", incomplete)
        try:
            found = [name for name in names(context) if name.startswith(last)]
        except SpikeportError:
            found = []
        items = [CompletionItem(f"{head}{comma}{name}") for name in found]
        return items or [CompletionItem(incomplete, type="file")]

    return complete


def _chips(_: click.Context) -> Sequence[str]:
    from hwsim.chip import chip_names

    return chip_names()


def _price_tables(context: click.Context) -> list[str]:
    from hwsim.chip import load_chip

    return [table.name for table in load_chip(context.params.get("chip_name") or "loihi1").prices]


CHIPS = completing(_chips)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
root_option = click.option(
    "--root",
    type=FILE,
    metavar="DIR",
    help="Where data files are.  [default: SPIKEPORT_DATA, else a cache folder]",
)
prices_option = click.option(
    "--prices",
    metavar="A,B",
    help="Price tables to use.  [default: all of the chip]",
    shell_complete=completing(_price_tables, several=True),
)


def chip_option(purpose: str, default: str | None = None) -> Option:
    """Return ``--chip``, given as ``chip_name``; ``purpose`` is its help."""
    return click.option(
        "--chip",
        "chip_name",
        metavar="NAME|FILE.toml",
        default=default,
        show_default=True,
        help=purpose,
        shell_complete=CHIPS,
    )


def out_option(metavar: str, *, default: str | None = None) -> Option:
    """Return ``--out``, required unless it has a ``default``."""
    what, kind = ("Folder", FOLDER) if metavar == "DIR" else ("File", WRITTEN)
    return click.option(
        "-o",
        "--out",
        type=kind,
        metavar=metavar,
        default=default and Path(default),
        required=default is None,
        show_default=True,
        help=f"{what} to write.",
    )


def choices(kind: type[_Choice], text: str, what: str) -> tuple[_Choice, ...]:
    """Return the members that ``A,B`` names, each once, in that order.

    Raises UnsupportedError naming everything unknown; ``what`` is what the members are.
    """
    members = {member.value: member for member in kind}
    asked = _parts(text)
    unknown = [name for name in asked if name not in members]
    if unknown or not asked:
        raise UnsupportedError(
            f"there is no {what} {', '.join(map(repr, unknown)) or repr(text)}",
            hint=known_hint(members, *unknown),
        )
    return tuple(members[name] for name in dict.fromkeys(asked))


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
