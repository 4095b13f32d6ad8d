"""The torch engine: all columns of a batch side by side in tensors, on any device of torch.

Time is cut into blocks. Within one, populations are taken in the order of the network, each
through all steps of the block, so that a connection is one product over all of them; populations
on a cycle advance together, step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from importlib import import_module
from math import prod
from typing import Any, NamedTuple

import networkx as nx
import numpy as np

from hwsim.activations import messages, undelayed
from hwsim.arith import wrap32
from hwsim.engines.base import (
    CountingInteger,
    Job,
    PopulationTally,
    Recording,
    Tally,
    reads_voltage,
    reset_of,
)
from hwsim.engines.tensors.products import Product, Tensor, delivery
from hwsim.errors import UnsupportedError
from hwsim.program import Population, Program, expand

_BLOCK_CELLS = 1 << 20
"""Neurons times columns times steps of a block, at least one step: bounds its memory."""
_BLOCK_STEPS_MAX = 128


class Torch:
    """Runs a Program on ``device``; see :class:`hwsim.engines.base.Engine`.

    On the processor, threads are torch's own: ``torch.set_num_threads``.

    Parameters
    ----------
    program
        The network.
    device
        As torch names it, ``"cpu"`` or ``"cuda:1"``; by default ``"cuda"`` if there is one, else
        ``"cpu"``. Results do not depend on it.

    Raises
    ------
    UnsupportedError
        If torch is not installed, or has no such device, or the device has no float64.
    """

    def __init__(self, program: Program, device: str | None = None) -> None:
        self.program = program
        self.torch = _torch()
        self.device = _device(self.torch, device)
        self.components = _components(program)
        sources = (*program.lines, *program.populations)
        self.cells = sum(prod(source.shape) for source in sources)
        self.history = {source.name: 1 for source in sources}
        self.parts: dict[str, list[tuple[str, bool, int, Product]]] = {}
        for p in program.populations:
            self.parts[p.name] = parts = []
            for c in program.into(p.name):
                for delay, part in undelayed(program, c):
                    product = delivery(self.torch, self.device, part, messages(program, c))
                    parts.append((c.source, c.graded, delay, product))
                    self.history[c.source] = max(self.history[c.source], delay + 1)

    def run(self, spikes: np.ndarray, job: Job, recording: Recording) -> Tally:
        """Run ``spikes`` (T, B, *shape), each column from rest, for ``job.steps`` steps."""
        frames, batch = spikes.shape[:2]
        fitting = max(1, min(_BLOCK_STEPS_MAX, _BLOCK_CELLS // (self.cells * batch)))
        running = {p.name: _Running(self, p, batch) for p in self.program.populations}
        sent = {
            name: self.zeros(length, batch, *self.program.shape_of(name))
            for name, length in self.history.items()
        }
        for first in range(1, job.steps + 1, job.block_steps or fitting):
            steps = min(job.block_steps or fitting, job.steps + 1 - first)
            for name, length in self.history.items():
                old = sent[name][-length:]
                sent[name] = self.torch.cat([old, self.zeros(steps, *old.shape[1:])])
            self._send_lines(spikes, first, steps, sent)
            for component in self.components:
                self._advance(component, first, steps, running, sent)
            for name, r in running.items():
                r.finish(first, frames, recording.arrays.get(name, {}))
            job.tick(batch * steps)
        outputs = running[self.program.output].output.reshape(batch, -1).cpu().numpy()
        return Tally(outputs, {name: _fetched(r.tally) for name, r in running.items()})

    def zeros(self, *shape: int) -> Tensor:
        """Return 64-bit zeros on the device."""
        return self.torch.zeros(shape, dtype=self.torch.int64, device=self.device)

    def _send_lines(
        self, spikes: np.ndarray, first: int, steps: int, sent: dict[str, Tensor]
    ) -> None:
        """Write what the input and the blank line send in ``steps`` steps from ``first`` on."""
        program = self.program
        frame = program.frame_sent_in(first)
        rows = spikes[max(frame, 0) : max(frame + steps, 0)].astype(np.int64, order="C")
        start = self.history[program.input.name] + max(-frame, 0)
        sent[program.input.name][start : start + len(rows)] = self.torch.from_numpy(rows)
        if program.blank is not None:
            blanks = [program.blanks_in(step) for step in range(first, first + steps)]
            line = sent[program.blank.name][self.history[program.blank.name] :]
            line[:] = self.torch.tensor(blanks)[:, None, None]

    def _advance(
        self,
        component: _Component,
        first: int,
        steps: int,
        running: dict[str, _Running],
        sent: dict[str, Tensor],
    ) -> None:
        """Take ``component`` through the block, writing what its populations send."""
        at_once = 1 if component.cyclic else steps
        for row in range(0, steps, at_once):
            for name in component.populations:
                arriving = self._activations(running[name].population, sent, row, at_once)
                start = self.history[name] + row
                done = running[name].advance(arriving, first + row)
                sent[name][start : start + at_once] = done

    def _activations(self, p: Population, sent: dict[str, Tensor], row: int, steps: int) -> Tensor:
        """Sum what arrives in ``steps`` steps from ``row`` of the block on, (steps, B, *shape)."""
        batch = sent[p.name].shape[1]
        arrived = [self.zeros(steps, batch, *p.shape)]
        for source, graded, delay, product in self.parts[p.name]:
            start = self.history[source] - 1 - delay + row
            heard = sent[source][start : start + steps].flatten(0, 1)
            arrived.append(product(heard if graded else heard != 0).reshape(arrived[0].shape))
        return arrived[-1] if len(arrived) <= 2 else wrap32(sum(arrived))


class _Component(NamedTuple):
    """Populations that must advance together; ``cyclic``: they hear each other, or themselves."""

    populations: Sequence[str]
    cyclic: bool


class _Step(NamedTuple):
    """What a population did in a step: messages, states before and after it, lost registers."""

    s: Tensor
    before: tuple[Tensor, ...]
    after: tuple[Tensor, ...]
    wrapped: Tensor
    saturated: Tensor


class _Running:
    """A population at work: its state, each (B, *shape), and what it did in a block.

    tally: sums over its window, tensors until :func:`_fetched` gets them. output: the sum over
    its window of what is ``read`` of it, messages or v, if it is the output population.
    """

    def __init__(self, engine: Torch, p: Population, batch: int) -> None:
        self.engine, self.population = engine, p
        self.neuron = replace(
            p.neuron, **{f.name: _register(engine, p, f.name) for f in fields(p.neuron)}
        )
        self.arith = CountingInteger(engine.torch)
        self.reset = reset_of(engine.program, p)
        self.rest = engine.zeros(batch, *p.shape)
        self.state = (self.rest,) * len(p.neuron.STATE)
        self.tally = PopulationTally(engine.zeros(*p.shape))
        read = "v" if reads_voltage(engine.program) else "spikes"
        self.read = read if p.name == engine.program.output else None
        self.output = self.rest
        self.activations: list[Tensor] = []
        self.taken: list[_Step] = []

    def advance(self, activations: Tensor, first: int) -> Tensor:
        """Take the steps from ``first`` on, and return the messages (steps, B, *shape)."""
        currents = activations << self.neuron.INPUT_SHIFT
        self.activations.append(activations)
        for step, x in enumerate(currents, start=first):
            if self.reset is not None and step % self.reset[0] == self.reset[1]:
                self.state = (self.rest,) * len(self.state)
            self.arith.forget()
            before = self.state
            s, self.state = self.neuron.step(self.arith, before, x)
            lost = self.arith.wrapped, self.arith.saturated
            self.taken.append(_Step(s, before, self.state, *lost))
        return self.engine.torch.stack([t.s for t in self.taken[-len(currents) :]])

    def finish(self, first: int, frames: int, arrays: dict[str, np.ndarray]) -> None:
        """Record and count the block that began with step ``first``, and forget it."""
        stack = self.engine.torch.stack
        kinds = {"spikes": stack([t.s for t in self.taken])}
        kinds["a"] = self.engine.torch.cat(self.activations)
        for index, kind in enumerate(self.neuron.STATE):
            if kind in arrays or kind == self.read:
                kinds[kind] = stack([t.after[index] for t in self.taken])
        for kind, array in arrays.items():
            array[first - 1 : first - 1 + len(self.taken)] = kinds[kind].cpu().numpy()
        opens = self.population.latency + 1 - first
        window = slice(max(opens, 0), max(opens + frames, 0))
        self._count(kinds["spikes"][window], kinds["a"][window], self.taken[window])
        if self.read is not None:
            self.output = self.output + kinds[self.read][window].sum(dim=0)
        self.activations, self.taken = [], []

    def _count(self, s: Tensor, activations: Tensor, taken: list[_Step]) -> None:
        """Add the steps of a block that lie in the window."""
        if not taken:
            return
        torch = self.engine.torch
        operands = activations | getattr(self.neuron, "bias", 0)
        for index in range(len(self.state)):
            operands = operands | torch.stack([t.before[index] for t in taken])

        def times(places: list[Tensor]) -> Tensor:
            return torch.stack([torch.as_tensor(p) for p in places]).count_nonzero()

        self.tally.add(
            PopulationTally(
                fired=s.count_nonzero(dim=(0, 1)),
                updates=s.numel(),
                driven=activations.count_nonzero(),
                wraps=times([t.wrapped for t in taken]),
                saturations=times([t.saturated for t in taken]),
                zero=(operands == 0).count_nonzero(),
            )
        )


def _register(engine: Torch, p: Population, name: str) -> int | Tensor:
    """Return a register of ``p``: a number, or a tensor to broadcast against its shape."""
    value = expand(getattr(p.neuron, name), p.shape).astype(np.int64)
    return engine.torch.from_numpy(value).to(engine.device) if value.ndim else int(value)


def _fetched(tally: PopulationTally) -> PopulationTally:
    """Return ``tally`` without tensors."""
    fired, *sums = vars(tally).values()
    return PopulationTally(fired.cpu().numpy(), *map(int, sums))


def _components(program: Program) -> list[_Component]:
    """Return the populations such that each group hears only itself and those before."""
    graph = nx.DiGraph()
    graph.add_nodes_from(p.name for p in program.populations)
    lines = {line.name for line in program.lines}
    graph.add_edges_from((c.source, c.target) for c in program.connections if c.source not in lines)
    groups = nx.condensation(graph)
    members = [sorted(groups.nodes[g]["members"]) for g in nx.topological_sort(groups)]
    return [_Component(m, len(m) > 1 or graph.has_edge(m[0], m[0])) for m in members]


def _torch() -> Any:
    try:
        return import_module("torch")
    except ImportError as error:
        raise UnsupportedError(
            f"engine 'torch' needs torch, which is not installed ({error})",
            hint="pip install 'spikeport[train]', or use another engine",
        ) from error


def _device(torch: Any, name: str | None) -> Any:
    """Return the device called ``name``, on which 64-bit arithmetic works."""
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.ones(1, dtype=torch.float64, device=device).item()
    except (AssertionError, RuntimeError, TypeError) as error:  # torch's own, by device
        here = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        why = str(error).partition("\n")[0]
        raise UnsupportedError(
            f"engine 'torch': torch {torch.__version__} cannot compute on device {name!r}: {why}",
            hint=f"use one of {', '.join(here)}",
        ) from error
    return device
