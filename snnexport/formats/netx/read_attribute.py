"""What spikeport's writer says of a network beside what lava-dl reads: defaults for reading it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hwsim.arith import WORD, Range
from hwsim.errors import FileError
from snnexport.formats.netx.layout import ATTRIBUTE, SCHEMA


@dataclass(frozen=True)
class Said:
    """The steps of a sample and the range of the input, None where the file says nothing."""

    period: int | None = None
    input_range: Range | None = None


def read_attribute(text: str, path: Path) -> Said:
    """Return what the attribute ``text`` of the file at ``path`` says; "" says nothing.

    Raises FileError if it is not what ``snnexport.formats.netx.attribute.facts`` makes.
    """
    if not text:
        return Said()
    try:
        facts = json.loads(text)
        period = facts["network"]["reset_interval"]
        low, high = facts["input"]["low"], facts["input"]["high"]
        right = facts["schema"] == SCHEMA and WORD[0] <= low <= high <= WORD[1]
        right = right and (period is None or 1 <= period <= WORD[1])
        if right and all(type(n) is int for n in (low, high, period or 1)):
            return Said(period, (low, high))
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise FileError(
        f"{path}: the attribute {ATTRIBUTE} is not of {SCHEMA}",
        hint="delete it, or write the file again with spikeport",
    )
