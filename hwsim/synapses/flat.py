"""Synapses between single neurons: Dense, all to all, and Sparse, one by one, with delays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from hwsim._value_checks import array_problems, plain, tuple_problems, whole_problems
from hwsim.arith import WORD, scale_sum, wrap32
from hwsim.errors import RangeError, raise_all
from hwsim.synapses.base import DELAY_MAX, EXPONENT_MAX, Form, Shape, Synapse, sum_rows


@dataclass(frozen=True, eq=False)
class Dense:
    """All-to-all weights; a source of any shape is read in C order.

    weight: (n_out, n_in) integers; exponent: the accumulated sum is shifted by it, for each
    delay on its own; delay: (n_out, n_in) integers 0..62, extra steps of each synapse.
    Source: lava-nc 0.10.0 ``PyDenseModelBitAcc``, ``PyDelayDenseModelBitAcc``.
    """

    weight: np.ndarray
    exponent: int = 0
    delay: np.ndarray | None = None

    FORM: ClassVar[Form] = Form.DENSE

    def __post_init__(self) -> None:
        plain(self)

    @property
    def weights(self) -> np.ndarray:
        """Effective integer weights."""
        return self.weight

    @property
    def delays(self) -> Sequence[int]:
        """The delays that occur, ascending."""
        return _delays(self.delay)

    def problems(self) -> list[str]:
        """List wrong types, shapes and ranges."""
        return _weight_problems(self.weight, self.exponent, self.delay, "outputs, inputs")

    def output_shape(self, source: Shape) -> Shape:
        """Return (n_out,); raise RangeError if the source has another size."""
        return _flat_shape(self.weight.shape, source, "Dense")

    def fan_out(self, source: Shape) -> np.ndarray:
        """Every spike reaches every output, zero weights included."""
        return np.full(source, self.weight.shape[0], np.int64)

    def nonzero_fan_out(self, source: Shape) -> np.ndarray:
        """Count the weights of each source neuron that are not 0."""
        return np.count_nonzero(self.weight, axis=0).reshape(source)

    def fan_in(self, source: Shape) -> np.ndarray:
        """Every output has a synapse from every input."""
        return np.full(self.output_shape(source), self.weight.shape[1], np.int64)

    def parts(self) -> tuple[tuple[int, Synapse], ...]:
        """Return itself, or one :class:`Sparse` for each delay."""
        if self.delay is None:
            return ((0, self),)
        target, source = np.indices(self.weight.shape).reshape(2, -1)
        weight, delay = self.weight.ravel(), self.delay.ravel()
        return Sparse(self.weight.shape, target, source, weight, self.exponent, delay).parts()

    def deliver(self, spikes: np.ndarray) -> np.ndarray:
        """Sum the weight columns of the neurons that fired."""
        _refuse_delays(self.delay)
        flat = spikes.reshape(len(spikes), -1)
        sample, neuron = np.nonzero(flat)
        rows = self.weight.T.astype(np.int64)[neuron]
        total = sum_rows(rows * flat[sample, neuron][:, None], sample, len(spikes))
        return wrap32(scale_sum(wrap32(total), self.exponent))


@dataclass(frozen=True, eq=False)
class Sparse:
    """Single synapses: synapse i leads from neuron ``source[i]`` to ``target[i]``, in C order.

    shape: (n_out, n_in); target, source, weight: (n,) integers, at most one synapse a pair;
    exponent: the accumulated sum is shifted by it, for each delay on its own; delay: (n,)
    integers 0..62, extra steps of each synapse, or None.
    Source: lava-nc 0.10.0 ``PySparseModelBitAcc``, ``PyDelaySparseModelBitAcc``.
    """

    shape: tuple[int, int]
    target: np.ndarray
    source: np.ndarray
    weight: np.ndarray
    exponent: int = 0
    delay: np.ndarray | None = None

    FORM: ClassVar[Form] = Form.SPARSE

    def __post_init__(self) -> None:
        plain(self)

    @classmethod
    def of(cls, weight: np.ndarray, exponent: int = 0, delay: np.ndarray | None = None) -> Sparse:
        """Return the nonzero entries of ``weight`` (n_out, n_in), with their ``delay``.

        Raises CheckError for what a :class:`Dense` cannot hold.
        """
        _refuse("Sparse.of", Dense(weight, exponent, delay).problems())
        target, source = np.nonzero(weight)
        late = None if delay is None else delay[target, source]
        return cls(weight.shape, target, source, weight[target, source], exponent, late)

    @classmethod
    def unrolled(cls, synapse: Synapse, source: Shape, delay: int = 0) -> Sparse:
        """Return every single synapse of one without delays, all with ``delay`` extra steps.

        It computes the same while sums stay in range: a convolution wraps its sums to 24 bits.
        Raises RangeError for a synapse that has delays already.
        """
        if any(part is not synapse for _, part in synapse.parts()):
            raise RangeError(
                f"Sparse.unrolled of a {type(synapse).__name__} that has delays itself",
                hint="unroll the synapses of its parts(), each with its delay",
            )
        impulses = np.eye(prod(source), dtype=np.int64).reshape(-1, *source)
        weight = synapse.deliver(impulses).reshape(len(impulses), -1).T
        late = np.full(weight.shape, delay) if delay else None
        return cls.of(weight, delay=late)

    @classmethod
    def identity(cls, neurons: int, weight: int = 1, delay: int = 0) -> Sparse:
        """Return one synapse from each of ``neurons`` to its namesake."""
        _refuse("Sparse.identity", whole_problems("neurons", neurons, 1))
        index, late = np.arange(neurons), np.full(neurons, delay) if delay else None
        return cls((neurons, neurons), index, index, np.full(neurons, weight), delay=late)

    @property
    def weights(self) -> np.ndarray:
        """Effective integer weights."""
        return self.weight

    @property
    def delays(self) -> Sequence[int]:
        """The delays that occur, ascending."""
        return _delays(self.delay)

    def problems(self) -> list[str]:
        """List wrong types and shapes, indices out of range, double synapses, wrong delays."""
        found = _weight_problems(self.weight, self.exponent, self.delay, "synapses")
        wrong = tuple_problems("shape", self.shape, 1, 2)
        outputs, inputs = (WORD[1], WORD[1]) if wrong else self.shape
        found += wrong + array_problems("target", self.target, (0, outputs - 1), "synapses")
        found += array_problems("source", self.source, (0, inputs - 1), "synapses")
        sizes = sorted({np.shape(a) for a in (self.target, self.source, self.weight)})
        if not found and len(sizes) > 1:
            found.append(f"target, source and weight have shapes {sizes}, not all (n,)")
        if not found:
            pairs = self.target.astype(np.int64) * inputs + self.source
            double = len(pairs) - len(np.unique(pairs))
            found += [f"{double} synapses join the same two neurons as another"] * (double > 0)
        return found

    def output_shape(self, source: Shape) -> Shape:
        """Return (n_out,); raise RangeError if the source has another size."""
        return _flat_shape(self.shape, source, "Sparse")

    def fan_out(self, source: Shape) -> np.ndarray:
        """Count the synapses that leave each source neuron."""
        return np.bincount(self.source, minlength=self.shape[1]).reshape(source)

    def nonzero_fan_out(self, source: Shape) -> np.ndarray:
        """Count those whose weight is not 0."""
        kept = self.source[self.weight != 0]
        return np.bincount(kept, minlength=self.shape[1]).reshape(source)

    def fan_in(self, source: Shape) -> np.ndarray:
        """Count the synapses that lead to each target neuron."""
        return np.bincount(self.target, minlength=self.shape[0]).reshape(self.output_shape(source))

    def parts(self) -> tuple[tuple[int, Synapse], ...]:
        """Return itself, or its synapses of each delay."""
        if self.delay is None:
            return ((0, self),)
        return tuple((d, self._only(self.delay == d)) for d in self.delays)

    def _only(self, kept: np.ndarray) -> Sparse:
        target, source, weight = self.target[kept], self.source[kept], self.weight[kept]
        return Sparse(self.shape, target, source, weight, self.exponent)

    def deliver(self, spikes: np.ndarray) -> np.ndarray:
        """Add the weight of each synapse whose source fired to its target."""
        _refuse_delays(self.delay)
        flat = spikes.reshape(len(spikes), -1)
        total = np.zeros((len(spikes), self.shape[0]), np.int64)
        sample, synapse = np.nonzero(flat[:, self.source])
        payload = flat[sample, self.source[synapse]]
        np.add.at(
            total, (sample, self.target[synapse]), self.weight.astype(np.int64)[synapse] * payload
        )
        return wrap32(scale_sum(wrap32(total), self.exponent))


def _flat_shape(shape: tuple[int, ...], source: Shape, kind: str) -> Shape:
    if prod(source) != shape[1]:
        raise RangeError(
            f"a {kind} of {shape[1]} inputs cannot follow {prod(source)} neurons",
            hint="the weight has shape (outputs, inputs)",
        )
    return (shape[0],)


def _delays(delay: np.ndarray | None) -> Sequence[int]:
    return (0,) if delay is None or not delay.size else tuple(np.unique(delay).tolist())


def _refuse_delays(delay: np.ndarray | None) -> None:
    if delay is not None:
        raise ValueError("deliver the parts of a synapse with delays")


def _weight_problems(weight: Any, exponent: Any, delay: Any, axes: str) -> list[str]:
    """List what is wrong with what a Dense and a Sparse have in common."""
    found = array_problems("weight", weight, WORD, axes)
    found += whole_problems("weight exponent", exponent, -EXPONENT_MAX, EXPONENT_MAX)
    if delay is None:
        return found
    late = array_problems("delay", delay, (0, DELAY_MAX), axes)
    if not late and np.shape(delay) != np.shape(weight):
        late.append(f"delay has shape {delay.shape}, the weights have {np.shape(weight)}")
    return found + late


def _refuse(what: str, problems: list[str]) -> None:
    raise_all(what, problems, hint="give integers: numpy.array(..., dtype=int)")
