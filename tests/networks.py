"""Networks that several tests train for a moment."""

from __future__ import annotations

import torch
from torch import nn

from snntrain.layers import Spiking, unroll


class Residual(nn.Module):
    """A membrane shortcut: two convolutions into one population."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.spike1 = Spiking(4, decay_u=0.5, decay_v=0.25)
        self.body = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, bias=False), Spiking(4))
        self.tail = nn.Conv2d(4, 6, 3, padding=1, bias=False)
        self.skip = nn.Conv2d(4, 6, 1, bias=False)
        self.spike2 = Spiking(6)
        self.pool = nn.AvgPool2d(2)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(96, 5)
        self.out = Spiking(5, norm=False, decay_v=0.1, threshold=0.5)

    def forward(self, x):
        x = self.spike1(self.stem(x))
        x = self.spike2(self.tail(self.body(x)) + self.skip(x))
        return self.out(self.head(torch.flatten(self.drop(self.pool(x)), 1)))


def trained(module, x):
    """Give the norms statistics and gains of both signs, as training would."""
    module.double().train()
    for _ in range(5):
        unroll(module, x)
    for m in module.modules():
        if isinstance(m, Spiking) and m.norm is not None:
            nn.init.uniform_(m.norm.weight, 0.3, 2.0)
            m.norm.weight.data[::3] *= -1
            nn.init.normal_(m.norm.bias, 0.3, 0.3)
    return module.eval()


class Sew(nn.Module):
    """Spikes are added before the weights that read them."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.first = Spiking(4, decay_u=0.5)
        self.body = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.second = Spiking(4)
        self.pool = nn.AvgPool2d(2)
        self.tail = nn.Conv2d(4, 5, 3, bias=True)
        self.out = Spiking(5)

    def forward(self, x):
        s = self.first(self.stem(x))
        return self.out(self.tail(self.pool(s + self.second(self.body(s)))))
