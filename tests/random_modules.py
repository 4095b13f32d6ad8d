"""Random torch modules: graphs of everything that ``capture`` knows, on small shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from networks import trained
from torch import Tensor, nn
from torch.nn import functional

from snntrain.delays import Delay
from snntrain.layers import Readout, Spiking

Random = np.random.Generator
HIGHEST = 9
"""Inputs are integers 0..HIGHEST."""


class RandomModule(nn.Module):
    """A graph of operations on the values before them; the last value is the answer."""

    def __init__(self, random: Random, size: int) -> None:
        super().__init__()
        self.random = random
        self.parts = nn.ModuleList()
        self.steps: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        planes = int(random.integers(3, 8)), int(random.integers(3, 8))
        self.flat = random.random() < 0.25
        self.shape = (int(random.integers(1, 3)), *(planes[1:] if self.flat else planes))
        self.values = [torch.zeros(2, *self.shape)]
        self.spikes: list[int] = []
        self._neurons(self._weights(0))
        while len(self.steps) < size:
            self._grow()
        self._end()

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for operation, sources in self.steps:
            values.append(operation(*(values[i] for i in sources)))
        return values[-1]

    def _add(self, operation: Callable[..., Any], *sources: int) -> int:
        """Append an operation; return the index of its value."""
        if isinstance(operation, nn.Module):
            self.parts.append(operation)
        with torch.no_grad():
            self.values.append(operation(*(self.values[i] for i in sources)))
        self.steps.append((operation, sources))
        return len(self.values) - 1

    def _any(self, dims: int | None = None) -> int | None:
        """Return a recent value of so many dimensions, None if there is none."""
        fitting = [i for i, v in enumerate(self.values) if dims in (None, v.dim())]
        return int(self.random.choice(fitting[-4:])) if fitting else None

    def _grow(self) -> None:
        kinds = [self._weighted, self._weighted, self._scaled, self._together, self._gate]
        kinds += [self._together, self._maximum, self._delayed, self._joined, self._spiking]
        kinds[int(self.random.integers(len(kinds)))]()

    def _channels(self, index: int) -> int:
        return self.values[index].shape[1]

    def _spiking(self) -> None:
        self._neurons(self._any() or 0)

    def _weighted(self) -> None:
        end = self._weights(self._any() or 0)
        if self.random.random() < 0.3:
            end = self._weights(end)  # weights behind weights
        if self.random.random() < 0.8:
            self._neurons(end)

    def _weights(self, source: int) -> int:
        """Append weights behind a value, perhaps normalised."""
        random, value = self.random, self.values[source]
        outputs = int(random.choice([1, 2, 3, 4, 6]))
        bias = bool(random.random() < 0.6)
        if value.dim() == 2:
            return self._add(nn.Linear(value.shape[1], outputs, bias), source)
        one, sizes = value.dim() == 3, self._sizes(source)
        groups = 1
        if random.random() < 0.3:
            groups = int(np.gcd(value.shape[1], outputs))
        kind = nn.Conv1d if one else nn.Conv2d
        end = self._add(kind(value.shape[1], outputs, groups=groups, bias=bias, **sizes), source)
        if random.random() < 0.3:
            end = self._add((nn.BatchNorm1d if one else nn.BatchNorm2d)(outputs), end)
        return end

    def _sizes(self, source: int) -> dict[str, Any]:
        """Return kernel, stride, padding and dilation that fit a value."""
        room = min(self.values[source].shape[2:])
        kernel = int(self.random.integers(1, min(room, 3) + 1))
        dilation = 2 if kernel > 1 and 2 * (kernel - 1) < room and self.random.random() < 0.2 else 1
        if kernel % 2 and self.random.random() < 0.2:
            return {"kernel_size": kernel, "padding": "same", "dilation": dilation}
        padding, stride = (
            int(self.random.integers(0, kernel // 2 + 2)),
            int(self.random.integers(1, 4)),
        )
        return {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}

    def _neurons(self, source: int) -> int:
        """Append a population that hears a value."""
        random, value = self.random, self.values[source]
        channels, shape = value.shape[1], value.shape[1:]

        def register(low: float, high: float) -> Any:
            kind = random.choice(["one", "one", "channel", "neuron"])
            size = {"one": (), "channel": (channels,), "neuron": shape}[kind]
            return torch.as_tensor(random.uniform(low, high, size))

        recurrent = None
        if random.random() < 0.15:
            recurrent = (
                nn.Linear(channels, channels, bias=False) if value.dim() == 2
                else (nn.Conv1d if value.dim() == 3 else nn.Conv2d)(
                    channels, channels, 3, padding=1, bias=False
                )
            )  # fmt: skip
        neurons = Spiking(
            channels,
            decay_u=1.0 if random.random() < 0.5 else register(0.1, 1.0),
            decay_v=float(random.choice([0.0, 0.3])) if random.random() < 0.5 else register(0, 1),
            threshold=register(0.3, 1.2),
            norm=bool(random.random() < 0.7),
            recurrent=recurrent,
        )
        index = self._add(neurons, source)
        self.spikes.append(index)
        return index

    def _scaled(self) -> None:
        random, source = self.random, self._any() or 0
        factor = float(random.choice([0.5, -1.0, 2.0, 0.3]))
        choices: list[Callable[[Tensor], Tensor]] = [
            lambda x: x * factor, lambda x: factor * x, lambda x: x / 4.0, lambda x: -x,
            lambda x: x + factor, lambda x: 1 - x, lambda x: x - factor,
            nn.Dropout(0.3), nn.Identity(), nn.Flatten(1),
            lambda x: x.flatten(1), lambda x: x.view(x.size(0), -1),
        ]  # fmt: skip
        if self.values[source].dim() == 4:
            room = min(self.values[source].shape[2:])
            kernel = int(random.integers(1, room + 1))
            stride, padding = int(random.integers(1, 4)), int(random.integers(0, kernel // 2 + 1))
            pools: list[Callable[[Tensor], Tensor]] = [
                nn.AvgPool2d(kernel, stride, padding),
                nn.AvgPool2d(min(2, room)),
                lambda x: functional.avg_pool2d(x, kernel, stride, padding),
                nn.AdaptiveAvgPool2d(1),
                lambda x: x.mean((2, 3), keepdim=True),
                nn.BatchNorm2d(self._channels(source)),
            ]
            choices += 2 * pools
        index = self._add(choices[int(random.integers(len(choices)))], source)
        if random.random() < 0.5:
            self._weights(index)

    def _pair(self, among: list[int]) -> tuple[int, int] | None:
        """Return two of the values that have one shape, None if there are none."""
        pairs = [
            (i, j) for i in among for j in among if self.values[i].shape == self.values[j].shape
        ]
        different = [pair for pair in pairs if pair[0] != pair[1]]
        return tuple(self.random.choice(different[-8:])) if different else None

    def _together(self) -> None:
        pair = self._pair(list(range(len(self.values))))
        if pair is not None:
            operations = [lambda a, b: a + b, lambda a, b: a - b, torch.add, torch.sub]
            self._add(operations[int(self.random.choice(4, p=[0.6, 0.2, 0.1, 0.1]))], *pair)

    def _gate(self) -> None:
        pair = self._pair(self.spikes)
        if pair is not None:
            operations = [
                lambda a, b: a * b, lambda a, b: (1 - a) * b, lambda a, b: a * (1.0 - b),
                torch.maximum, torch.minimum, torch.mul,
            ]  # fmt: skip
            operation = operations[int(self.random.integers(len(operations)))]
            self.spikes.append(self._add(operation, *pair))

    def _maximum(self) -> None:
        fitting = [i for i in self.spikes if self.values[i].dim() == 4]
        if fitting:
            source = int(self.random.choice(fitting))
            kernel = int(self.random.integers(1, min(self.values[source].shape[2:]) + 1))
            sizes = (
                kernel,
                int(self.random.integers(1, 4)),
                int(self.random.integers(0, kernel // 2 + 1)),
            )
            pool = (
                nn.MaxPool2d(*sizes) if self.random.random() < 0.5
                else lambda x: functional.max_pool2d(x, *sizes)
            )  # fmt: skip
            self.spikes.append(self._add(pool, source))

    def _delayed(self) -> None:
        source = int(self.random.choice(self.spikes))
        channels = self._channels(source)
        steps = self.random.integers(0, 4, channels) if self.random.random() < 0.6 else 2
        self.spikes.append(self._add(Delay(torch.as_tensor(steps)), source))

    def _joined(self) -> None:
        first = self._any() or 0
        rest = self.values[first].shape[2:]
        fitting = [i for i, v in enumerate(self.values) if v.dim() > 1 and v.shape[2:] == rest]
        chosen = [first, *self.random.choice(fitting, int(self.random.integers(1, 3))).tolist()]
        self._add(lambda *parts: torch.cat(parts, 1), *chosen)

    def _end(self) -> None:
        last = len(self.values) - 1
        if self.values[last].dim() > 2:
            last = self._add(nn.Flatten(), last)
        last = self._add(nn.Linear(self.values[last].shape[1], 3), last)
        kind = self.random.random()
        if kind < 0.6:
            self._neurons(last)
        elif kind < 0.85:
            self._add(Readout(3, decay_u=0.7, decay_v=0.1), last)


def random_module(seed: int, size: int) -> tuple[RandomModule, Tensor]:
    """Return a module in evaluation, in float64, with used norms, and its input (T, B, *shape)."""
    random = np.random.default_rng(seed)
    torch.manual_seed(seed)
    module = RandomModule(random, size)
    frames = torch.as_tensor(random.integers(0, HIGHEST + 1, (5, 4, *module.shape))).double()
    return trained(module, frames), frames
