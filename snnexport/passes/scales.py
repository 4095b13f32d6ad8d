"""The scale of one layer: the finest that its weights and every register allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from hwsim.arith import DECAY_UNITY, STATE_UNIT
from hwsim.errors import raise_all
from hwsim.neurons import Gate, GradedRelay, LeakyIntegrator
from snnexport.graph import Diagonal, Layer
from snnexport.passes.choices import Bound, LayerChoice, plain_choice
from snnexport.passes.demands import LARGEST_STATE, demands, largest_current, largest_voltage
from snnexport.passes.inclusive import made_strict
from snnexport.passes.integers import Task, at_scale, edge_errors, register_problems
from snnexport.passes.rounding import copies_needed, grid, rows

MOST_COPIES = 8
"""How many parallel edges a convolution or dense layer may be split into."""
_WORTH_IT = 0.25
"""Splitting must reduce the squared error of the weights at least to this share: one bit."""
_POOR = 0.01
"""The share of noise in the power of an edge's weights from which they count as lost: 20 dB."""
_ATTEMPTS = 20
_HINT = "change the network, or the choices for this layer"


def quantized_layer(task: Task) -> tuple[Layer, dict[str, Any]]:
    """Return the layer in integers, and what was decided, as JSON holds it.

    Raises CheckError listing what does not fit.
    """
    name = task.layer.name
    raise_all(name, _impossible(task), hint=_HINT)
    needs = _needs(task, task.layer)
    scale = _given(task) if task.choice.scale else _finest(task, needs)
    integers = at_scale(task, scale)
    if not task.choice.scale:
        integers = _loosened(task, integers)
    raise_all(name, register_problems(integers, task.chip) + _vanished(task, integers), hint=_HINT)
    decided = {"weights": _wanted(task).max(axis=0, initial=0), **needs}
    strict = made_strict(integers)
    return strict, _note(task, strict, decided)


def _impossible(task: Task) -> list[str]:
    """List what no scale can mend."""
    name, choice, chip = task.layer.name, task.choice, task.chip
    kind = "message" if isinstance(task.layer.neuron, GradedRelay) else "current"
    found = []
    if isinstance(task.layer.neuron, Gate):
        found.append(f"{name}: the weights of a gate must be whole numbers that a synapse holds")
    if choice.weight_bits > chip.weights.bits:
        found.append(
            f"{name}: weight_bits = {choice.weight_bits} does not fit the {chip.weights.bits} bits "
            f"of chip {chip.name}"
        )
    if choice.bound is Bound.OBSERVED and kind not in task.observed:
        found.append(
            f"{name}: bound = 'observed', but its {kind} was not; "
            "use Calibration.measure (--calibrate)"
        )
    return found


def _needs(task: Task, layer: Layer) -> dict[str, np.ndarray]:
    """Return the demands of ``layer``, real or integer; what is observed, only of a real one."""
    if isinstance(layer.neuron, GradedRelay):
        kind, levels = "message", 2 ** (task.choice.message_bits - 1) - 1.0
        found = {kind: np.maximum(*task.drive.sums(layer)) / levels}
    else:
        kind, levels = "current", LARGEST_STATE / STATE_UNIT
        found = demands(layer, task.chip, task.drive)
    real = layer.scale is None
    if task.choice.bound is not Bound.PROVEN:
        del found[kind]
        if real and task.choice.bound is Bound.OBSERVED:
            found[kind] = task.limit(kind, levels) / levels
    if real and task.one_scale and "voltage" in task.observed:
        found["voltage"] = task.limit("voltage", levels) / levels
    return found


def _finest(task: Task, needs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the smallest scale that all needs allow, the largest edges split where it pays."""
    wanted = _wanted(task)
    floor = np.max([np.zeros(task.channels), *needs.values()], axis=0)
    best = _at_least(task, floor, wanted.max(axis=0, initial=0))
    if len(wanted) < 2:
        return best
    errors = np.array(edge_errors(task, best))
    order = np.argsort(-wanted.max(axis=1))
    for count in range(1, len(wanted)):
        split, rest = order[:count], wanted[order[count:]].max(axis=0)
        scale = _at_least(task, floor, np.where(rest > 0, rest, wanted.max(axis=0)))
        if np.all(scale >= best) or _split_problems(task, scale):
            continue
        finer = np.array(edge_errors(task, scale))
        if finer.sum() < _WORTH_IT * errors.sum() and _may_split(task, split, errors):
            best, errors = scale, finer
    return best


def _may_split(task: Task, split: np.ndarray, errors: np.ndarray) -> bool:
    """Say whether the edges ``split`` may be: diagonals, or if the others have lost their weights.

    errors: by edge, the squared error without it. Copies of other edges cost all their synapses.
    """
    edges = task.layer.edges
    if all(isinstance(edges[i].weights, Diagonal) for i in split):
        return True
    powers = [(rows(e.weights, task.channels) ** 2).sum() for e in edges]
    others = set(range(len(edges))) - set(split.tolist())
    return any(errors[i] > _POOR * powers[i] for i in others)


def _at_least(task: Task, *limits: np.ndarray) -> np.ndarray:
    """Return the largest of ``limits``; 1 where nothing needs a scale, as all is 0 there."""
    scale = task.spread(np.max(limits, axis=0))
    return np.where(scale > 0, scale, 1.0)


def _wanted(task: Task) -> np.ndarray:
    """Return the scale (C,) at which the weights of each edge fit one synapse, (edges, C)."""
    tops = [grid(e.weights.weight, task.choice.weight_bits)[1] for e in task.layer.edges]
    scales = [clip / top for clip, top in zip(task.clips, tops, strict=True)]
    return np.array(scales).reshape(-1, task.channels)


def _loosened(task: Task, integers: Layer) -> Layer:
    """Return the layer at a scale a little larger, if rounding pushed it over a limit."""
    for attempt in range(_ATTEMPTS):
        excess = np.max([np.zeros(task.channels), *_needs(task, integers).values()], axis=0)
        if np.all(excess <= 1.0):
            return integers
        assert integers.scale is not None
        # few bits round to the same integers again, unless the scale grows visibly
        growth = np.where(excess > 1.0, excess * (1 + 1e-4 * 2**attempt), 1.0)
        integers = at_scale(task, task.spread(integers.scale * growth))
    raise_all(task.layer.name, [f"{task.layer.name}: no scale fits its registers"], hint=_HINT)
    return integers


def _given(task: Task) -> np.ndarray:
    """Return the scale that was chosen, (C,); CheckError if something does not fit with it."""
    scale = np.ones(task.channels) * np.array(task.choice.scale)
    found = _split_problems(task, scale)
    if task.shared and np.any(scale != scale[0]):
        found.append(f"{task.layer.name}: scale differs by channel, but its channels share one")
    for name, share in _needs(task, at_scale(task, scale)).items() if not found else ():
        worst = int(np.argmax(share))
        if share[worst] > 1:
            found.append(
                f"{task.layer.name}: scale = {scale[worst]} of channel {worst} does not fit: the "
                f"{name} is {share[worst]:.4g} times its limit; use at least "
                f"{scale[worst] * share[worst]:.6g}, or leave scale out"
            )
    raise_all(task.layer.name, found, hint=_HINT)
    return scale


def _split_problems(task: Task, scale: np.ndarray) -> list[str]:
    found = []
    for edge, clip in zip(task.layer.edges, task.clips, strict=True):
        exponent, bits = task.chip.weights.exponent_high, task.choice.weight_bits
        most = 1 if isinstance(edge.weights, Diagonal) else MOST_COPIES
        needed = copies_needed(edge.weights, scale, bits, clip, exponent)
        if needed > most:
            found.append(
                f"{task.layer.name}: scale = {scale.min():.6g} does not fit the weights of "
                f"{edge.module}: they need {needed} parallel connections, the limit is {most}"
            )
    return found


def _vanished(task: Task, integers: Layer) -> list[str]:
    """List thresholds that round to 0 although they are not."""
    if isinstance(integers.neuron, GradedRelay | LeakyIntegrator):
        return []
    neurons: tuple[Any, ...] = (task.layer.neuron, integers.neuron)
    real, whole = (np.asarray(neuron.threshold) for neuron in neurons)
    gone = int(((real > 0) & (whole == 0)).sum())
    return [
        f"{task.layer.name}: threshold rounds to 0 in {gone} of {whole.size} values: its "
        "weights dwarf it; train with weight decay or a higher threshold"
    ] * (gone > 0)


def _note(task: Task, integers: Layer, decided: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Say what was decided, for people: scales, what decides them, and the error made."""
    scale, neuron = integers.scale, integers.neuron
    assert scale is not None
    first = np.argmax(list(decided.values()), axis=0)
    error, power = sum(edge_errors(task, scale)), 0.0
    wanted, kept = np.zeros((2, task.channels), bool)
    for edge in task.layer.edges:
        weight = rows(edge.weights, task.channels)
        power += float((weight**2).sum())
        wanted = wanted | weight.any(axis=1)
    for edge in integers.edges:
        kept = kept | rows(edge.weights, task.channels).any(axis=1)
    note = {
        "kept": False,
        "choice": plain_choice(task.choice),
        "scale": [float(scale.min()), float(scale.max())],
        "decided_by": {name: int((first == i).sum()) for i, name in enumerate(decided)},
        "largest_weight": max(
            (int(np.abs(e.weights.weight).max()) for e in integers.edges), default=0
        ),
        "weight_sqnr_db": float(10 * np.log10(power / error)) if error > 0 else None,
        "vanished_channels": int((wanted & ~kept).sum()),
        "split": {m: n for m, n in Counter(e.module for e in integers.edges).items() if n > 1},
    }
    if isinstance(neuron, GradedRelay):
        return note
    note |= {
        "largest_current": int(largest_current(integers, task.drive).max()),
        "moved": _moved(task.layer, integers),
    }
    if isinstance(neuron, LeakyIntegrator):
        note["largest_voltage"] = int(largest_voltage(integers, task.drive).max())
    if task.layer.inclusive:
        note["inclusive"] = "threshold one unit of weight lower, as v reaches it in the network"
    shown = ("threshold", "decay", "decrement", "lowest")
    for name in (f.name for f in fields(neuron) if f.name.startswith(shown)):
        value = np.asarray(getattr(neuron, name))
        note[name] = [int(value.min()), int(value.max())]
    return note


def kept_note() -> dict[str, Any]:
    """Say that a layer's numbers were integers already."""
    return {
        "kept": True,
        "choice": plain_choice(LayerChoice()),
        "moved": {},
        "vanished_channels": 0,
    }


def _moved(layer: Layer, integers: Layer) -> dict[str, int]:
    """Count the decays that lie beyond the chip's register and were set to its end."""
    found = {}
    for name in ("decay_u", "decay_v"):
        exact = DECAY_UNITY * np.asarray(getattr(layer.neuron, name))
        found[name] = int(np.sum(np.abs(exact - getattr(integers.neuron, name)) >= 1))
    return {name: n for name, n in found.items() if n}
