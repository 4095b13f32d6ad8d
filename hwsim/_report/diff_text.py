"""A comparison of two reports as text tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from hwsim._report import figures
from hwsim._report.diff import Change, Diff, TermChange
from hwsim._report.text import listed, paragraph, render, span, table
from hwsim._report.values import Bracket

_IN_LAYERS = {"spikes": "spikes", "synops": "synops", "energy_uj": "uJ"}
"""Figures of a layer that a terminal has room for, and their heads; JSON has all."""
_NOT_KNOWN = "not known"


def diff_text(diff: Diff) -> str:
    """Return what is unlike, the headline, the layers, and the energy terms that differ."""
    blocks = [paragraph(f"A: program {diff.a}"), paragraph(f"B: program {diff.b}")]
    if diff.unlike:
        title = "Not the same, so that a ratio below also has this in it"
        blocks.append(table(title, ["", "A", "B"], [[u.what, u.a, u.b] for u in diff.unlike]))
    rows = [_headline(change) for change in diff.figures]
    heads = ["figure", ">A", ">B", ">B / A"]
    title = "Per inference, mean over the samples; B / A of ranges: of both low, of both high ends"
    blocks.append(table(title, heads, rows))
    if diff.layers:
        blocks.append(_layers(diff))
    blocks += [f"{one}\n" for one in listed("Layers only in A", diff.only_a)]
    blocks += [f"{one}\n" for one in listed("Layers only in B", diff.only_b)]
    if diff.terms:
        title = "Energy terms that differ, uJ per inference"
        heads = ["prices", "term", ">A", ">B", ">B / A"]
        blocks.append(table(title, heads, [_term(t) for t in diff.terms]))
    return render(blocks)


def _headline(change: Change) -> list[str]:
    if change.name.startswith("accuracy"):
        known = change.points is not None
        points = f"{change.points:+.2f} points" if known else figures.number(None)
        return [change.name, *map(_accuracy, (change.a, change.b)), points]
    return [change.name, _value(change.a), _value(change.b), _ratio(change.ratio)]


def _accuracy(fraction: float | Bracket | None) -> str:
    assert not isinstance(fraction, Bracket)
    return _NOT_KNOWN if fraction is None else figures.percent(fraction)


def _layers(diff: Diff) -> str:
    heads = ["layer"]
    for head in _IN_LAYERS.values():
        heads += [f">{head} A", ">B", ">B / A"]
    rows = [[layer.name, *_cells(layer.figures)] for layer in diff.layers]
    return table("Layers of both, per inference", heads, rows)


def _cells(changes: Iterable[Change]) -> Iterable[str]:
    by_name = {change.name: change for change in changes}
    for name in _IN_LAYERS:
        change = by_name[name]
        yield from (_value(change.a), _value(change.b), _ratio(change.ratio))


def _term(t: TermChange) -> list[str]:
    ends = ["no such term" if end is None else _value(end) for end in (t.a, t.b)]
    return [t.table, t.term, *ends, _ratio(t.ratio)]


def _value(value: float | Bracket | None) -> str:
    """Write a figure or a range; never 0 for what is not known."""
    if isinstance(value, Bracket):
        return _NOT_KNOWN if value.low is None else span(value)
    return _NOT_KNOWN if value is None else figures.number(value)


def _ratio(ratio: float | Bracket | None) -> str:
    """Write a ratio with three digits; of two ranges those of both ends if they differ."""
    ends = (ratio.low, ratio.high) if isinstance(ratio, Bracket) else (ratio,)
    texts = (figures.number(None) if end is None else f"{end:.3g}" for end in ends)
    return ", ".join(dict.fromkeys(texts))
