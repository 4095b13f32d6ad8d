"""The price tables that PilotNet is timed and priced with: all that differ in origin or count."""

from __future__ import annotations

from dataclasses import replace

from hwsim import load_chip
from hwsim.chip import Chip, Price, PriceTable

MODEL, ENERGY = "loihi2-derived", "loihi2-yolo"
"""The tables that the targets are asked of: for the time of a step, and for its energy."""
NONZERO, STORED = "nonzero_synops", "spike_synops"
SPEED_UP = 5
"""Of a synaptic operation, Loihi 2 over Loihi 1: Intel technology brief 2021 [secondary]."""


def tables_with_times(chip: Chip) -> list[PriceTable]:
    """Return MODEL, also with the other synapse formats, and what else Loihi has of times."""
    model, yolo, old = chip.table(MODEL), chip.table("loihi2-times"), load_chip("loihi1")
    fitted = {t.name: t for t in old.table("loihi1-fitted").terms}
    found = [model]
    for form, counter in (("dense", STORED), ("conv", STORED), ("conv", NONZERO)):
        term = fitted[f"{form}_synop"]
        assert term.time_ns is not None
        faster = replace(term, time_ns=term.time_ns / SPEED_UP)
        found.append(_with_synops(model, form, faster, counter))
    nonzero = _with_synops(yolo, yolo.name, yolo.terms[0], NONZERO)
    return [*found, yolo, nonzero, *(old.table(n) for n in ("loihi1-2018", "loihi1-fitted"))]


def tables_with_energies(chip: Chip) -> list[PriceTable]:
    """Return ENERGY, and Loihi 1's tables as they are and with nonzero weights only."""
    old = load_chip("loihi1")
    paper, fitted = old.table("loihi1-2018"), old.table("loihi1-fitted")
    terms = {t.name: t for t in (*paper.terms, *fitted.terms)}
    return [
        chip.table(ENERGY),
        paper,
        _with_synops(paper, paper.name, terms["spike_synop"], NONZERO),
        fitted,
        _with_synops(fitted, f"{fitted.name} sparse", terms["sparse_synop"], NONZERO),
        _with_synops(fitted, f"{fitted.name} conv", terms["conv_synop"], NONZERO),
    ]


def _with_synops(table: PriceTable, name: str, term: Price, counter: str) -> PriceTable:
    """Return ``table`` with all synaptic operations priced by ``term``, counted by ``counter``."""
    term = replace(term, counter=counter, includes=("spike_synops", "graded_synops"))
    others = tuple(t for t in table.terms if "synops" not in t.counter)
    which = "nonzero" if counter == NONZERO else "stored"
    return replace(table, name=f"{name} on {which}", terms=(term, *others))
