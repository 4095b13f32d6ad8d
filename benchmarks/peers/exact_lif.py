"""Loihi's LIF in torch: integers held in float64, in which every product here is exact."""

from __future__ import annotations

import torch
from torch import Tensor

UNITY, UNIT, LIMIT = 4096, 64, 2**23 - 1


class ExactLif:
    """v <- clip(trunc(v * (4096 - decay_v) / 4096) + 64 * current); 0 where v > 64 * threshold.

    Source: lava-nc 0.10.0 ``PyLifModelBitAcc`` without memory of the current.
    """

    def __init__(self, threshold: int, decay_v: int) -> None:
        self.threshold, self.kept = UNIT * threshold, (UNITY - decay_v) / UNITY
        self.v: Tensor | None = None

    def step(self, current: Tensor) -> Tensor:
        """Return where ``current`` makes neurons fire, bool of its shape."""
        if self.v is None:
            self.v = torch.zeros(current.shape, dtype=torch.float64)
        v = self.v.mul_(self.kept).trunc_().add_(current, alpha=UNIT).clamp_(-LIMIT, LIMIT)
        fired = v > self.threshold
        v.masked_fill_(fired, 0)
        return fired
