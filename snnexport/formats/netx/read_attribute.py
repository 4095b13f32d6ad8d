"""What spikeport's writer says of a network beside what lava-dl reads: defaults for reading it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hwsim.arith import WORD, Range
from hwsim.errors import FileError
from hwsim.files import json_object
from hwsim.program import Readout
from snnexport.formats.netx.layout import ATTRIBUTE, SCHEMA
from snnexport.formats.netx.sandbox import RawFile

_HINT = "delete it, or write the file again with spikeport"


@dataclass(frozen=True)
class Said:
    """What a file says of its program; None, or nothing, where it does not say it."""

    name: str | None = None
    chip: str | None = None
    input_name: str | None = None
    input_range: Range | None = None
    period: int | None = None
    populations: tuple[str, ...] = ()
    """Names, in the order of the layers that have neurons."""
    readout: Readout | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def read_attribute(file: RawFile, path: Path) -> Said:
    """Return what the attribute of the ``file`` at ``path`` says; "" says nothing.

    Raises FileError if it is not what ``snnexport.formats.netx.attribute.facts`` makes of a
    program with as many populations.
    """
    if not file.attribute:
        return Said()
    what = f"{path}: the attribute {ATTRIBUTE}"
    facts = json_object(file.attribute, what, hint=_HINT)
    try:
        return _said(facts, sum(layer.neuron is not None for layer in file.layers))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise FileError(f"{what} is not of {SCHEMA}, or of other layers", hint=_HINT) from None


def _said(facts: dict[str, Any], populations: int) -> Said:
    """Return what ``facts`` say; raise some error of Python's if they are of another form."""
    source, period, metadata = facts["input"], facts["network"]["reset_interval"], facts["metadata"]
    low, high, names = source["low"], source["high"], tuple(facts["populations"])
    numbers = [low, high, 1 if period is None else period]
    texts = [facts["name"], facts["chip"], source["name"], *names, *metadata, *metadata.values()]
    right = (
        facts["schema"] == SCHEMA
        and all(type(n) is int for n in numbers)
        and WORD[0] <= low <= high <= WORD[1]
        and 1 <= numbers[2] <= WORD[1]
        and all(isinstance(text, str) for text in texts)
        and len(names) == populations
    )
    if not right:
        raise ValueError
    readout = Readout(facts["readout"])
    return Said(
        facts["name"], facts["chip"], source["name"], (low, high), period, names, readout, metadata
    )
