"""ST-RSBP: backpropagation of spike counts through S-PSPs, for recurrent populations too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from hwsim.errors import SpikeportError
from hwsim.neurons import CubaSubtract
from snntrain.layers import Spiking, recorded, unroll
from snntrain.rules.base import Batch, Objective, Rule, Step
from snntrain.rules.chain import Link, chain
from snntrain.rules.spike_response import count_slopes, delayed, potentials, rest, windows
from snntrain.settings import setting

SILENT = 0.5
"""Voltage that a spike at weight 1 is taken to add to an S-PSP while its neuron or the one that
hears it is silent. Source: ``Reservoir.cu`` and ``Spiking.cu`` of the paper's code."""
SMALLEST = 1e-4
"""Size of ``D_i`` at least. Source: ``Reservoir.cu`` and ``Spiking.cu``."""


@dataclass(frozen=True)
class SpikeTrainLevel(Rule):
    """Differentiate the spike counts of whole trains, without unrolling over time.

    The voltage that spikes remove from neuron ``i`` is the sum of its inputs' S-PSPs, see
    ``snntrain.rules.spike_response``, and at least a threshold for each:

        threshold * o_i = sum_j w_ij e_{i|j}        with  e_{i|j}  in proportion to  o_j

    Counts ``o_i`` of a recurrent population depend on each other and are solved for together for
    the weights below. For its own weights the paper's code neglects that, and so does the rule
    unless ``coupled``: solving is exact in the model, but grows without bound where a spike's
    echoes add up to another spike, as they do on speech (``benchmarks/seeds``).

    The error is half the squared difference to ``desired`` spikes of the label's output and
    ``undesired`` ones of each other, none within ``margin``. If the label's output is silent, it
    learns as if it had spiked ``desired`` times at equal distances. The recipe's loss is not used.

    ``self_term`` divides by the paper's ``D_i``: ``e_{i|j}`` depends on ``o_i`` as well. It is made
    for long trains: over few steps the model counts more spikes than there are, as each wastes
    voltage.

    Source: Zhang and Li 2019, arXiv 1908.06378, with what its code adds,
    github.com/stonezwr/ST-RSBP. Without the limit and regulariser of weights and the lateral
    inhibition of outputs; on the machine's neuron input counts in the step in which it arrives.
    """

    desired: int = setting(1, 16384, default=35)
    undesired: int = setting(0, 16384, default=5)
    margin: int = setting(0, 16384, default=5)
    coupled: bool = False
    self_term: bool = False

    LOSS = False

    def refusals(self, module: nn.Module) -> list[str]:
        """List what is no chain of fully connected populations with numbers for registers."""
        links, found = chain(module, recurrent=True)
        return found + [problem for link in links for problem in _unlike(link)]

    @torch.no_grad()
    def backward(self, module: nn.Module, batch: Batch, objective: Objective) -> Step:  # noqa: ARG002
        """Add the gradients of the error, averaged over samples."""
        sequence, labels = batch
        links, _ = chain(module, recurrent=True)
        with recorded(module) as spikes:
            outputs = unroll(module, sequence)
        trains = [spikes[link.name].unflatten(0, (len(sequence), -1)) for link in links]
        trains[-1] = self.taught(outputs, labels, rest(links[-1].spiking))
        sources = [sequence.flatten(2), *trains[:-1]]
        error = self.error(outputs.sum(dim=0), labels)
        slope = error / len(labels)
        for link, source, train in reversed(list(zip(links, sources, trains, strict=True))):
            slope = self._descend(link, source, train, slope)
        return Step(error.square().sum(dim=1).mean() / 2, outputs)

    def error(self, counts: Tensor, labels: Tensor) -> Tensor:
        """Return by how much ``counts`` (B, classes) miss what they should be, 0 in the margin."""
        right = one_hot(labels, counts.shape[1]) > 0
        missed = counts - torch.where(right, self.desired, self.undesired)
        return missed * (missed.abs() > self.margin)

    def taught(self, outputs: Tensor, labels: Tensor, rests: int) -> Tensor:
        """Return ``outputs`` (T, B, classes) with a regular train where the right one is silent.

        Its spikes are at least ``rests`` steps apart, as those of the neuron would be.
        """
        steps, _, classes = outputs.shape
        silent = (one_hot(labels, classes) > 0) & (outputs.sum(dim=0) == 0)
        interval = max(steps // self.desired, rests + 1)
        regular = torch.arange(1, steps + 1, device=outputs.device) % interval == 0
        return torch.where(silent, regular.to(outputs).view(-1, 1, 1), outputs)

    def _descend(self, link: Link, source: Tensor, train: Tensor, slope: Tensor) -> Tensor:
        """Add the gradients of a population's weights, given those of its counts (B, n).

        Return the gradients (B, m) of the counts of its ``source`` (T, B, m).
        """
        layer, windowed = link.spiking, windows(link.spiking, train)
        slope = slope / layer.threshold
        heard = [(link.linear.weight, source)]
        if layer.recurrent is not None:
            heard.append((layer.recurrent.get_parameter("weight"), delayed(train)))
        synapses = [_synapses(layer, weight, sent, windowed) for weight, sent in heard]
        factors = self._factors(layer, synapses, train)
        alone = together = slope / factors
        if layer.recurrent is not None:
            coupling = torch.diag_embed(factors) - synapses[1].by_count / layer.threshold
            together = _solved(coupling.mT, slope)
        for connection in synapses:
            connection.add_gradient(together if self.coupled else alone)
        return synapses[0].hand_down(together)

    def _factors(self, layer: Spiking, synapses: list[_Synapses], train: Tensor) -> Tensor:
        """Return ``D_i`` (B, n): what more of ``o_i`` takes, over ``threshold``."""
        counts = train.sum(dim=0)
        if not self.self_term:
            return torch.ones_like(counts)
        slopes = count_slopes(len(train), layer.decay_u, layer.decay_v, rest(layer)).to(counts)
        fewest = 0 if layer.recurrent is None else 1
        changes = slopes[counts.long().clamp(min=fewest)]
        drive = sum(s.counts @ s.weight.T for s in synapses)
        factors = 1 - changes * drive / layer.threshold
        return torch.copysign(factors.abs().clamp(min=SMALLEST), factors)


class _Synapses(NamedTuple):
    """What one connection, weight (n, m), did: counts (B, m) sent, S-PSPs (B, n, m).

    by_count: what a spike more of ``j`` adds to the removed voltage of ``i``, (B, n, m).
    """

    weight: Tensor
    counts: Tensor
    effects: Tensor
    by_count: Tensor

    def add_gradient(self, slope: Tensor) -> None:
        """Add the gradient of the weight, given that of the voltages (B, n) removed."""
        gradient = torch.einsum("bi,bij->ij", slope, self.effects)
        before = self.weight.grad
        self.weight.grad = gradient if before is None else before + gradient

    def hand_down(self, slope: Tensor) -> Tensor:
        """Return the gradient of the counts (B, m), given that of the voltages (B, n)."""
        return torch.einsum("bi,bij->bj", slope, self.by_count)


def _synapses(layer: Spiking, weight: Tensor, source: Tensor, windowed: Tensor) -> _Synapses:
    effects = torch.einsum("tbi,tbj->bij", windowed, potentials(layer, source))
    counts = source.sum(dim=0)
    heard = (windowed != 0).any(dim=0).unsqueeze(2) & (counts != 0).unsqueeze(1)
    shares = effects / counts.where(counts != 0, 1).unsqueeze(1)
    by_count = weight * shares.where(heard, SILENT)
    return _Synapses(weight, counts, effects, by_count)


def _solved(coupling: Tensor, slope: Tensor) -> Tensor:
    """Return ``x`` with ``coupling x = slope``; SpikeportError where there is none or are many."""
    solution, failed = torch.linalg.solve_ex(coupling, slope)
    if failed.any():
        raise SpikeportError(
            "spike-train: the spike counts of a recurrent population do not determine each other: "
            "their coupling is singular",
            hint="use a lower learning_rate, or another seed",
        )
    return solution


def _unlike(link: Link) -> list[str]:
    """List what a population has that S-PSPs do not describe."""
    layer, found = link.spiking, []
    if layer.kind is CubaSubtract:
        found.append('keeps voltage at a spike; use reset = "zero"')
    found += [
        f"{name} is a tensor; use a number"
        for name in layer.REGISTERS
        if isinstance(getattr(layer, name), Tensor)
    ]
    return [f"{link.name}: {problem}" for problem in found]
