"""What keeps a Program from running or being saved, all of it at once: see ``hwsim.program``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from hwsim._value_checks import kind_problems, tuple_problems, whole_problems
from hwsim.arith import WORD
from hwsim.errors import SpikeportError
from hwsim.neurons import NEURONS, problems
from hwsim.program import Blank, Connection, Input, Population, Program, Readout, expand
from hwsim.synapses import Conv2d, Dense, Shape, Sparse, SumPool2d

_SYNAPSES = (Conv2d, Dense, Sparse, SumPool2d)


def program_problems(program: Program) -> list[str]:
    """List what is wrong with ``program``: classes of its parts first, as nothing else can be."""
    return _kind_problems(program) or [
        *_name_problems(program),
        *_line_problems(program),
        *(found for p in program.populations for found in _population_problems(p)),
        *_connections_problems(program),
        *_output_problems(program),
    ]


def _kind_problems(program: Program) -> list[str]:
    found = kind_problems("input", program.input, Input, "an Input")
    found += kind_problems("blank", program.blank, (Blank, type(None)), "a Blank or None")
    found += kind_problems("readout", program.readout, Readout, "a Readout")
    found += kind_problems("metadata", program.metadata, Mapping, "a mapping of texts")
    for name, kind in (("populations", Population), ("connections", Connection)):
        parts: Any = getattr(program, name)
        wrong = kind_problems(name, parts, tuple, f"an iterable of {kind.__name__}")
        for i, part in enumerate(() if wrong else parts):
            wrong += kind_problems(f"{name}[{i}]", part, kind, f"a {kind.__name__}")
        found += wrong
    if found:
        return found
    ends = [
        (f"connections[{i}].{end}", getattr(c, end))
        for i, c in enumerate(program.connections)
        for end in ("source", "target")
    ]
    texts = [*_texts(program), ("output", program.output), *ends]
    return [f for name, text in texts for f in kind_problems(name, text, str, "a text")]


def _texts(program: Program) -> list[tuple[str, Any]]:
    """Return (what it is, text) of everything that names something, for a file to hold."""
    return [
        ("program name", program.name),
        ("chip", program.chip),
        *(("name", s.name) for s in (*program.lines, *program.populations)),
        *(("label", c.label) for c in program.connections),
        *(("metadata", text) for pair in program.metadata.items() for text in pair),
    ]


def _name_problems(program: Program) -> list[str]:
    names = Counter(s.name for s in (*program.lines, *program.populations))
    found = [f"name {name!r} is used twice" for name in sorted(names) if names[name] > 1]
    unwritable = {(what, text) for what, text in _texts(program) if not _writable(text)}
    return found + [f"{what} {t!r} cannot be written to a file" for what, t in sorted(unwritable)]


def _writable(text: str) -> bool:
    """Say whether ``text`` is one that every format can hold."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _line_problems(program: Program) -> list[str]:
    source, blank, period = program.input, program.blank, program.period
    found = tuple_problems(f"{source.name}: shape", source.shape, 1)
    ends = whole_problems(f"{source.name}: low", source.low, *WORD)
    ends += whole_problems(f"{source.name}: high", source.high, *WORD)
    if not ends and source.low > source.high:
        ends.append(f"{source.name}: low {source.low} > high {source.high}")
    wrong = [] if period is None else whole_problems("period", period, 1)
    if blank is not None:
        gap = whole_problems(f"{blank.name}: gap", blank.gap, 1)
        if not (gap or wrong) and (period is None or blank.gap >= period):
            gap.append(f"{blank.name}: gap = {blank.gap} does not fit into period = {period}")
        wrong += gap
    return found + ends + wrong


def _population_problems(p: Population) -> list[str]:
    found = whole_problems(f"{p.name}: latency", p.latency, 0)
    shape = tuple_problems(f"{p.name}: shape", p.shape, 1)
    found += shape
    kind = type(p.neuron)
    if NEURONS.get(kind.__name__) is not kind:
        return [*found, f"{p.name}: {kind.__name__} is not a neuron of hwsim.neurons.NEURONS"]
    found += problems(p.neuron, p.name)
    for name, value in {} if shape else vars(p.neuron).items():
        try:
            expand(value, p.shape)
        except ValueError as error:
            found.append(f"{p.name}: {name}: {error}")
    return found


def _connections_problems(program: Program) -> list[str]:
    found: list[str] = []
    ends: dict[str, list[tuple[str, str, str]]] = {}
    for c in program.connections:
        ends.setdefault(c.name, []).append((c.source, c.target, c.label))
    for name, same in sorted(ends.items()):
        if len(set(same)) < len(same):
            found.append(f"{name}: two connections join the same two; give them a label")
        if len(set(same)) > 1:
            which = " and ".join(map(str, sorted(set(same))))
            found.append(f"{name}: is the name of {which} (source, target, label); rename one")
    lines = {program.input.name: "the input"}
    if program.blank is not None:
        lines.setdefault(program.blank.name, "the blank line")
    known, shapes = {p.name for p in program.populations}, _shapes(program)
    for c in program.connections:
        wrong = kind_problems("graded", c.graded, (bool, np.bool_), "a bool")
        unknown = [n for n in (c.source, c.target) if n not in known and n not in lines]
        wrong += [f"no such population: {', '.join(unknown)}"] * bool(unknown)
        if c.target in lines and c.target not in known:
            wrong.append(f"{lines[c.target]} cannot be a target")
        wrong += _synapse_problems(c, shapes)
        found += [f"{c.name}: {problem}" for problem in wrong]
    return found


def _synapse_problems(c: Connection, shapes: dict[str, Shape]) -> list[str]:
    """List what is wrong with the synapse in itself, else between its ends if they are right."""
    found = kind_problems("synapse", c.synapse, _SYNAPSES, "a synapse") or c.synapse.problems()
    if found or c.source not in shapes or c.target not in shapes:
        return found
    target = shapes[c.target]
    try:
        shape = c.synapse.output_shape(shapes[c.source])
    except SpikeportError as error:
        return [error.message]
    if prod(shape) != prod(target) or (len(shape) == len(target) and shape != target):
        return [f"the synapse gives shape {shape}, the population has {target}"]
    return []


def _shapes(program: Program) -> dict[str, Shape]:
    """Return the shapes of what has a right one and a name of its own."""
    sources = (*program.lines, *program.populations)
    names = Counter(s.name for s in sources)
    right = [s for s in sources if names[s.name] == 1 and not tuple_problems("", s.shape, 1)]
    return {s.name: s.shape for s in right}


def _output_problems(program: Program) -> list[str]:
    if not program.populations:
        return ["there is no population"]
    found = [p for p in program.populations if p.name == program.output]
    if not found:
        return [f"output {program.output!r} is not a population"]
    neuron = found[0].neuron
    if program.readout is Readout.VOLTAGE and "v" not in getattr(neuron, "STATE", "v"):
        return [f"output {program.output!r}: a {type(neuron).__name__} has no voltage to read"]
    return []
