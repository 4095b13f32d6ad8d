"""Every error spikeport raises on purpose: what is wrong, where, and the way out."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class SpikeportError(Exception):
    """Base of all errors shown to a user as one message and one ``hint:`` line.

    Parameters
    ----------
    message
        Where, what, which value, which limit.
    hint
        The way out.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class RangeError(SpikeportError):
    """A value does not fit the register or range it is meant for."""


class FileError(SpikeportError):
    """A file is missing, unreadable, of the wrong kind, damaged, or cannot be written."""


class UnsupportedError(SpikeportError):
    """Something that is refused by name, because it would otherwise be approximated."""


class CheckError(SpikeportError):
    """A network breaks one or more rules; ``problems`` and the message list all of them."""

    def __init__(self, message: str, *, hint: str = "", problems: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class MissingExtraError(SpikeportError):
    """A command needs an optional dependency that is not installed."""


class LavaError(SpikeportError):
    """Real Lava could not be run: no Python 3.10, a crash, or no answer in time."""


class MismatchError(SpikeportError):
    """Two engines that must agree do not; the message names the first place."""


class BudgetError(SpikeportError):
    """A report's figures exceed a budget, or are not known; the message lists all of them."""


def raise_all(what: str, problems: list[str], *, hint: str) -> None:
    """Raise one :class:`CheckError` that lists every problem, if there is any."""
    distinct = list(dict.fromkeys(problems))
    if distinct:
        raise CheckError(listed(what, distinct), hint=hint, problems=distinct)


def listed(what: str, problems: list[str]) -> str:
    """Return the message of an error about ``what`` that lists every problem, a line each."""
    return "\n".join([f"{what}: {len(problems)} problem(s)", *(f"  - {p}" for p in problems)])


def known_hint(names: Iterable[str], *wrong: str) -> str:
    """Return the hint of an error about ``wrong`` names: what was meant, perhaps, and all names."""
    known = list(names)
    near = [match for name in wrong for match in get_close_matches(name, known, 1)]
    meant = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    return f"{meant}known: {', '.join(known) or 'none'}"
