"""N1 with what a general network has more: how much slower each of it, and all, makes a step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
from networks import LEAK, chain, even, leaky, n1

from hwsim import Cuba, Dense, Program
from hwsim.arith import STATE_UNIT
from hwsim.engines.native import Native
from hwsim.synapses import Shape
from simulate.case import Case
from simulate.ours import exact, fastest, running

KINDS = ("currents", "biases", "registers", "delays", "resets", "all")
SAMPLES, DELAY_MAX, PERIOD = 8, 3, 25
DECAY_U, BIAS = 1024, 640


def slowdowns(repeat: int) -> dict[str, float]:
    """Return the time of each variant of N1 over that of N1, on a batch and one thread."""
    plain, frames = n1()
    cases = [Case.made(program, frames) for program in (plain, *_variants(frames))]
    machines = [exact(case, Native(case.program)) for case in cases]
    actions = [
        running(machine, case.frames[:, :SAMPLES])
        for case, machine in zip(cases, machines, strict=True)
    ]
    usual, *others = (took.cpu_s for took in fastest(actions, repeat))
    return {kind: s / usual for kind, s in zip(KINDS, others, strict=True)}


def _variants(frames: np.ndarray) -> Iterator[Program]:
    """Yield a network of each of ``KINDS``, of the size and activity of N1."""
    rng = np.random.default_rng(7)
    weights = [even(rng, n, m) for m, n in pairwise((784, 512, 512, 10))]
    plain = [Dense(weight) for weight in weights]
    late = [Dense(w, delay=rng.integers(0, DELAY_MAX + 1, w.shape)) for w in weights]
    yield chain("currents", plain, frames, _currents)
    yield chain("biases", plain, frames, _biases)
    yield chain("registers", plain, frames, _registers)
    yield chain("delays", late, frames)
    yield replace(chain("resets", plain, frames), period=PERIOD)
    yield replace(chain("all", late, frames, _everything), period=PERIOD)


def _currents(threshold: int, shape: Shape) -> Cuba:
    return replace(leaky(threshold, shape), decay_u=DECAY_U)


def _biases(threshold: int, shape: Shape) -> Cuba:
    return replace(leaky(threshold, shape), bias=BIAS)


def _registers(threshold: int, shape: Shape) -> Cuba:
    """Return neurons whose leak and threshold lie within a tenth of the usual."""
    spread = np.linspace(0.9, 1.1, shape[0])
    return Cuba.leaky(
        np.rint(LEAK * spread).astype(int), STATE_UNIT * np.rint(threshold * spread).astype(int)
    )


def _everything(threshold: int, shape: Shape) -> Cuba:
    spread = np.linspace(0.9, 1.1, shape[0])
    decays = np.rint(DECAY_U * spread).astype(int)
    return replace(_registers(threshold, shape), decay_u=decays, bias=BIAS)
