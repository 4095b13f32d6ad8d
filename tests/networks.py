"""Networks that several tests train for a moment."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from snntrain.delays import Delay
from snntrain.layers import Readout, Spiking, unroll
from snntrain.norms import CurrentNorm


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
    for norm in module.modules():
        kinds = (CurrentNorm, nn.BatchNorm1d, nn.BatchNorm2d)
        if isinstance(norm, kinds) and norm.weight is not None:
            nn.init.uniform_(norm.weight, 0.3, 2.0)
            norm.weight.data[::3] *= -1
            nn.init.normal_(norm.bias, 0.3, 0.3)
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


def _spiking(channels, **registers):
    return Spiking(channels, **{"decay_v": 0.2, **registers})


def _same(source, target, **sizes):
    return nn.Conv2d(source, target, 3, padding=1, **sizes)


class SewAdd(nn.Module):
    """Two blocks whose spikes are added to the sum before them, and an adaptive pool."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(_same(1, 4), nn.BatchNorm2d(4), _spiking(4, norm=False))
        self.block1 = nn.Sequential(_same(4, 4), _spiking(4))
        self.block2 = nn.Sequential(_same(4, 4), _spiking(4, decay_u=0.5))
        self.fc = nn.Linear(64, 10)
        self.out = _spiking(10)

    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x) + x
        x = self.block2(x) + x
        return self.out(self.fc(functional.adaptive_avg_pool2d(x, 4).flatten(1)))


class SewGates(SewAdd):
    """IAND, AND and OR of spikes, and a max-pool of them."""

    def forward(self, x):
        x = self.stem(x)
        x = x * (1 - self.block1(x))
        x = torch.maximum(self.block2(x) * x, x)
        return self.out(self.fc(functional.max_pool2d(x, 2).flatten(1)))


class MembraneShortcut(nn.Module):
    """Spiking ResNet: the shortcut ends in the current of the block's last population."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(_same(1, 4), _spiking(4))
        self.body = nn.Sequential(_same(4, 4), _spiking(4), _same(4, 6, stride=2))
        self.norm = nn.BatchNorm2d(6)
        self.down = nn.Sequential(nn.Conv2d(4, 6, 1, stride=2, bias=False), nn.BatchNorm2d(6))
        self.spike = _spiking(6, norm=False, threshold=torch.linspace(0.5, 1.5, 6))
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.fc = nn.Linear(24, 10)
        self.out = _spiking(10)

    def forward(self, x):
        x = self.stem(x)
        x = self.spike(self.norm(self.body(x)) + self.down(x))
        return self.out(self.fc(self.pool(x).flatten(1)))


class MembraneStream(nn.Module):
    """MS-ResNet: a stream of currents that blocks read through neurons and add to."""

    def __init__(self):
        super().__init__()
        self.stem = _same(1, 4)
        self.block1 = nn.Sequential(_spiking(4), _same(4, 4), _spiking(4), _same(4, 4))
        self.block2 = nn.Sequential(_spiking(4), _same(4, 8, stride=2), _spiking(8), _same(8, 8))
        self.down = nn.Sequential(nn.Conv2d(4, 8, 1, stride=2), nn.BatchNorm2d(8))
        self.last = _spiking(8, decay_u=0.6)
        self.fc = nn.Linear(128, 10)
        self.out = Readout(10, decay_u=0.7, decay_v=0.1)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.block1(x)
        x = self.down(x) + self.block2(x)
        return self.out(self.fc(self.last(x).flatten(1)))


class Recurrent(nn.Module):
    """Recurrent convolutions and matrices; the network ends in currents."""

    def __init__(self):
        super().__init__()
        planes = _same(3, 3, bias=False)
        self.first = nn.Sequential(nn.Conv2d(1, 3, 3, stride=2), _spiking(3, recurrent=planes))
        self.fc = nn.Linear(27, 20)
        self.second = _spiking(20, decay_u=0.5, recurrent=nn.Linear(20, 20, bias=False))
        self.head = nn.Linear(20, 10)

    def forward(self, x):
        return self.head(self.second(self.fc(self.first(x).flatten(1))))


class Delayed(nn.Module):
    """Delays of sending channels, of receiving neurons, and of flattened neurons."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), _spiking(4))
        self.late = Delay(torch.tensor([0, 1, 3, 2]))
        self.second = nn.Sequential(nn.Conv2d(4, 6, 2), _spiking(6))
        self.later = Delay(torch.arange(24) % 4)
        self.fc = nn.Linear(24, 10, bias=False)
        self.received = Delay(torch.arange(10) % 3)
        self.out = _spiking(10)

    def forward(self, x):
        x = self.second(self.late(self.first(x))).flatten(1)
        return self.out(self.received(self.fc(self.later(x))))


class Joined(nn.Module):
    """Channels joined before an overlapping pool and a grouped convolution, and once flat."""

    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(_same(1, 4), _spiking(4))
        self.b = nn.Sequential(nn.Conv2d(1, 2, 5, padding=2), _spiking(2))
        self.pool = nn.AvgPool2d(3, 2, 1)
        self.c = nn.Sequential(_same(6, 6, groups=2), _spiking(6))
        self.fc = nn.Linear(6 * 16 + 4 * 64, 10)
        self.out = _spiking(10)

    def forward(self, x):
        a, b = self.a(x), self.b(x)
        c = self.c(self.pool(torch.cat([a, b], 1)))
        return self.out(self.fc(torch.cat([c.flatten(1), a.flatten(1)], 1)))


class OneDimensional(nn.Module):
    """Sequences (C, L) through Conv1d, BatchNorm1d, both pools, and thresholds per neuron."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(2, 4, 5, stride=2, padding=2), nn.BatchNorm1d(4))
        self.spike = _spiking(4, threshold=0.5 + torch.arange(64.0).reshape(4, 16) / 64)
        self.mean = nn.AvgPool1d(2)
        self.second = nn.Sequential(nn.Conv1d(4, 6, 3, padding="same", dilation=2), _spiking(6))
        self.largest = nn.MaxPool1d(2)
        self.head = nn.Sequential(nn.Linear(24, 5), nn.BatchNorm1d(5))
        self.out = _spiking(5, learned=("decay_v",))

    def forward(self, x):
        x = self.second(self.mean(self.spike(self.first(x))))
        return self.out(self.head(torch.flatten(self.largest(x), 1)))


class Written(nn.Module):
    """Two populations of (4, 8, 8), what a user may write behind them, and a head."""

    def __init__(self, written):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), Spiking(4, decay_v=0.2))
        self.b = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), Spiking(4, decay_u=0.6))
        self.written = written
        planes = torch.zeros(2, 4, 8, 8)
        self.head = nn.Linear(written(planes, planes, planes[:, :1]).flatten(1).shape[1], 5)
        self.out = Spiking(5, threshold=0.6)

    def forward(self, x):
        return self.out(self.head(self.written(self.a(x), self.b(x), x).flatten(1)))


class Behind(nn.Module):
    """A module behind the first of the values."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, a, b, x):
        return self.module(a)


KINDS = {
    "sew-add": SewAdd,
    "sew-gates": SewGates,
    "membrane shortcut": MembraneShortcut,
    "membrane stream": MembraneStream,
    "recurrent": Recurrent,
    "delayed": Delayed,
    "joined": Joined,
    "one-dimensional": OneDimensional,
}


def network_of(kind, samples=4):
    """Return a module of ``KINDS``, its norms used, and integers 0..16 (T, B, *shape) for it."""
    torch.manual_seed(1)
    shape = (2, 32) if kind == "one-dimensional" else (1, 8, 8)
    frames = torch.randint(0, 17, (6, samples, *shape)).double()
    return trained(KINDS[kind](), frames), frames
