"""Whether a program fits a chip: its registers, and what a core has."""

from __future__ import annotations

from dataclasses import dataclass

from hwsim.chip import Chip, check
from hwsim.errors import CheckError
from hwsim.mapping import Mapping, map_program
from hwsim.program import Program


@dataclass(frozen=True)
class Fit:
    """Everything that keeps a network off a chip, a line each with its way out.

    mapping: onto the chip's cores; None if there are problems, or the chip says nothing of its
    cores.
    """

    problems: list[str]
    mapping: Mapping | None = None


def fit(program: Program, chip: Chip) -> Fit:
    """Look at the registers of ``chip``, then at its cores, whatever the registers hold."""
    found = check(program, chip)
    if not has_cores(chip):
        return Fit(found)
    try:
        mapping = map_program(program, chip)
    except CheckError as error:
        return Fit([*found, *error.problems])
    return Fit(found, None if found else mapping)


def has_cores(chip: Chip) -> bool:
    """Say whether the chip file has what a mapping needs."""
    return chip.mesh is not None and chip.synapse_memory is not None
