"""Links one by one, as sparse synapses have them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hwsim._mapping.cut import Cut
from hwsim._mapping.pairs import Counting, Pairs
from hwsim._mapping.sent import Sent, whole

_DENSE = 8
"""Pairs of box and neuron, for each synapse, up to which all are counted rather than sorted."""
_GATHERED = 1 << 22
"""Messages that are gathered at once, one a synapse: what bounds the memory."""


@dataclass(frozen=True, eq=False)
class Single:
    """Links one by one: synapse i leads from neuron ``source[i]`` to ``target[i]``, C order.

    sources: neurons of the source, with synapses or without.
    """

    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    sources: int

    def pairs(self, cut: Cut) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return each (box, source neuron) once, and how many synapses they have."""
        if self._one_each:
            return cut.box()[self.target], self.source, np.ones_like(self.source)
        code = cut.box()[self.target] * self.sources + self.source
        if cut.boxes * self.sources > _DENSE * len(code):
            code, synapses = np.unique(code, return_counts=True)
        else:
            counts = np.bincount(code)
            code = np.flatnonzero(counts)
            synapses = counts[code]
        return code // self.sources, code % self.sources, synapses

    def synapses(self, cut: Cut) -> np.ndarray:
        """Count the synapses into each box, (boxes,)."""
        box = cut.box()[: len(self._fan_in)]
        return np.bincount(box, self._fan_in, cut.boxes).astype(np.int64)

    @cached_property
    def _fan_in(self) -> np.ndarray:
        return np.bincount(self.target)

    def inputs(self, cut: Cut) -> np.ndarray:
        """Count the pairs of each box."""
        return np.bincount(self.pairs(cut)[0], minlength=cut.boxes)

    axons_in = inputs

    @cached_property
    def _one_each(self) -> bool:
        """Say whether no two synapses have the same source, so that each is a pair."""
        return len(np.unique(self.source)) == len(self.source)

    def axons_out(self, source: Cut, target: Cut) -> np.ndarray:
        """Count the pairs by the box their source neuron lies in."""
        return np.bincount(source.box()[self.pairs(target)[1]], minlength=source.boxes)

    def between(self, source: Cut, target: Cut) -> Pairs:
        """Group the pairs of box and source neuron by the box of the neuron."""
        box, neuron, _ = self.pairs(target)
        code, messages = _grouped(source.box()[neuron] * target.boxes + box, neuron)
        return Pairs(code // target.boxes, code % target.boxes, messages)

    def synops(self, target: Cut, *, nonzero: bool = False) -> Counting:
        """Add up what the sources of each box's synapses send."""
        kept = self.weight != 0 if nonzero else slice(None)
        box, source = target.box()[self.target[kept]], self.source[kept]
        if target.boxes * self.sources <= len(source):
            code = box * self.sources + source
            into = np.bincount(code, minlength=target.boxes * self.sources)
            matrix = into.reshape(target.boxes, self.sources).T.astype(np.float64)
            return lambda sent: whole(sent.flat.astype(np.float64) @ matrix)
        box, sums = _grouped(box, source)

        def count(sent: Sent) -> np.ndarray:
            found = np.zeros((len(sent.counts), target.boxes), np.int64)
            found[:, box] = sums(sent)
            return found

        return count


def _grouped(group: np.ndarray, neuron: np.ndarray) -> tuple[np.ndarray, Counting]:
    """Return each group once, and what adds up what the neurons in it send."""
    order = np.argsort(group, kind="stable")
    code, starts = np.unique(group[order], return_index=True)
    order = neuron[order]
    rows = max(1, _GATHERED // max(len(order), 1))

    def sums(sent: Sent) -> np.ndarray:
        found = np.zeros((len(sent.flat), len(code)), np.int64)
        for first in range(0, len(found) if len(code) else 0, rows):
            counts = sent.flat[first : first + rows, order].astype(np.int64)
            np.add.reduceat(counts, starts, axis=1, out=found[first : first + rows])
        return found

    return code, sums
