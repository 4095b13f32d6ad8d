"""Magnitude pruning while a network trains: the smallest weights become 0 and stay so."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from snntrain.hardware import latent_weights

FULL = 0.5
"""Fraction of all updates after which the final sparsity is reached, and the rest recovers."""


def sparsity(final: float, fraction: float) -> float:
    """Return the share of weights to prune after ``fraction`` (0..1) of all updates.

    Source: Zhu and Gupta 2017, arXiv 1710.01878, equation 1, from 0 and from the first update.
    """
    left = max(0.0, 1 - fraction / FULL)
    return final * (1 - left**3)


def pruned(module: nn.Module) -> list[Tensor]:
    """Return where the weights of each layer of ``module`` are 0 already.

    A layer of nothing but zeros, as an identity branch begins, has only not been trained.
    """
    return [(weight.detach() == 0) & weight.any() for weight in latent_weights(module)]


@torch.no_grad()
def prune(module: nn.Module, before: list[Tensor], share: float) -> None:
    """Set the ``share`` of smallest weights of each layer to 0, and those in ``before`` again.

    Each layer loses the same share; biases and registers are kept. Source: Han et al. 2015,
    arXiv 1506.02626.
    """
    for weight, gone in zip(latent_weights(module), before, strict=True):
        weight[gone] = 0
        count = int(share * weight.numel())
        if count:
            magnitude = weight.abs().flatten()
            smallest = magnitude.topk(count, largest=False).indices
            weight[torch.unravel_index(smallest, weight.shape)] = 0  # however it lies in memory
