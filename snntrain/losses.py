"""What a network should answer, as a number to lower: losses on outputs over time.

Every loss takes ``outputs`` (T, B, classes), spikes or the voltage of a readout, and ``labels``
(B,), and returns a scalar, the mean over samples.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss, one_hot

Loss = Callable[[Tensor, Tensor], Tensor]
THRESHOLD, REGULARISER = 1.0, 0.05
"""Of :func:`tet`. Source: Deng et al. 2022, arXiv 2202.11946, section 4.3 and appendix A.2:
``phi`` is the threshold, ``lambda`` 0.05 on static images."""


def rate(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the squared error between outputs per step and the one-hot label, over classes.

    It asks the right neuron to spike in every step and the others never, which keeps counts
    apart. Source: STBP, Wu et al. 2018, Front. Neurosci. 12:331, equation 5, without its 1/2.
    """
    rates = outputs.mean(dim=0)
    return (rates - one_hot(labels, rates.shape[1])).square().sum(dim=1).mean()


def count(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of the sums over time: spike counts are the logits."""
    return cross_entropy(outputs.sum(dim=0), labels)


def membrane(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of the mean over time: what a readout's voltage is read by."""
    return cross_entropy(outputs.mean(dim=0), labels)


def tet(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the mean over time of each step's cross-entropy, and a pull to the threshold.

    Source: Temporal Efficient Training, Deng et al. 2022, arXiv 2202.11946, equations 10 and 12.
    """
    steps = len(outputs)
    each = cross_entropy(outputs.flatten(0, 1), labels.repeat(steps))
    pull = mse_loss(outputs, outputs.new_tensor(THRESHOLD).expand_as(outputs))
    return (1 - REGULARISER) * each + REGULARISER * pull


class LossName(StrEnum):
    """The losses a recipe may name."""

    RATE = "rate"
    COUNT = "count"
    MEMBRANE = "membrane"
    TET = "tet"


LOSSES: dict[str, Loss] = {
    LossName.RATE: rate,
    LossName.COUNT: count,
    LossName.MEMBRANE: membrane,
    LossName.TET: tet,
}
"""The losses by name."""
