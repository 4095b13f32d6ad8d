"""Networks that compute a chip's integers while they train, and what a target has to offer."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import (
    is_parametrized,
    register_parametrization,
    type_before_parametrizations,
)

from hwsim.arith import DECAY_UNITY, STATE_UNIT
from hwsim.chip import Chip, load_chip
from hwsim.errors import SpikeportError, raise_all
from hwsim.neurons import registers
from snntrain._integers import ChipBias, Exact, OnGrid, Register, over_integers
from snntrain.dynamics import over_time
from snntrain.layers import Population, recorded, unroll
from snntrain.neurons import Real
from snntrain.settings import setting

Numbers = Enum("Numbers", {"FLOAT": "float", "INTEGER": "integer"})
"""What a network bound for a chip trains with."""
TRAINED = ("decay_u", "decay_v", "threshold")
"""Registers that are parameters of a network of integers, beside the bias."""


@dataclass(frozen=True)
class HardwareSettings:
    """Where a network is going: refused before training if it does not fit there.

    ``train = "integer"`` starts from a float checkpoint and trains the integers of ``chip``, with
    weights of ``weight_bits``; every ``check_every`` batches each spike is compared with hwsim's.
    """

    chip: str
    train: Numbers = Numbers.FLOAT
    weight_bits: int = setting(2, 8, default=8)
    check_every: int = setting(1, 10**9, default=100)

    def problems(self) -> list[str]:
        """List what does not fit."""
        found = [
            f"{f.name} is set, which nothing reads unless train = 'integer'"
            for f in fields(self)
            if f.name in ("weight_bits", "check_every") and getattr(self, f.name) != f.default
        ] * (not self.trains_integers)
        try:
            load_chip(self.chip)
        except SpikeportError as error:
            found.append(f"chip = {self.chip!r}: {error.message}")
        return found

    @property
    def trains_integers(self) -> bool:
        """Say whether the network that trains holds integers."""
        return self.train is Numbers.INTEGER

    def integer_network(self, module: nn.Module) -> nn.Module:
        """Turn ``module`` into one of this chip's integers, in place; return it."""
        return on_chip(module, load_chip(self.chip), self.weight_bits)


@dataclass(frozen=True)
class Deployment:
    """What a network will read on which chip: samples (steps, *shape) of values low..high."""

    settings: HardwareSettings
    steps: int
    shape: tuple[int, ...]
    low: int
    high: int


class Target(Protocol):
    """A way from a network to a chip, for :func:`snntrain.fit`: the module ``snnexport.harden``."""

    def problems(self, module: nn.Module, deployment: Deployment) -> list[str]:
        """List what keeps ``module``, a network of reals, off the chip."""
        ...

    def harden(self, module: nn.Module, deployment: Deployment) -> nn.Module:
        """Return trained ``module`` in integers of the chip; CheckError listing what has none."""
        ...

    def fan_outs(self, module: nn.Module, deployment: Deployment) -> dict[str, np.ndarray]:
        """Return how many synapses each neuron of ``module`` will drive, by population."""
        ...

    def spikes(
        self, module: nn.Module, sequence: Tensor, deployment: Deployment
    ) -> dict[str, np.ndarray]:
        """Return what hwsim says the populations of a hardened module send on ``sequence``.

        ``sequence``: (T, B, *shape), and so are the spikes, by name.
        """
        ...


def on_chip(module: nn.Module, chip: Chip, weight_bits: int) -> nn.Module:
    """Turn ``module`` into a network of integers of ``chip``, in place; return it.

    Weights and registers stay parameters that are real and are rounded in every pass; biases of
    linear layers, normalisations in neurons and those of torch make way for the chip's bias. All
    scales are 1 yet: they come with the state of a hardened network, or from :class:`Target`.
    """
    layers = populations(module)
    feedback = {id(m) for p in layers.values() if p.recurrent for m in p.recurrent.modules()}
    for linear in weighted(module).values():
        linear.register_parameter("bias", None)
        grid = OnGrid(len(linear.weight), weight_bits, id(linear) in feedback)
        register_parametrization(linear, "weight", grid, unsafe=True)
    for parent, name in _batch_norms(module):
        setattr(parent, name, nn.Identity())
    for layer in layers.values():
        _hold_integers(layer, chip)
    module.register_buffer("input_step", torch.ones(()))
    module.register_forward_pre_hook(_coded)
    return module


def bad_scales(state: Mapping[str, Tensor]) -> list[str]:
    """List the scales in the state of a network of integers that no hardened network has."""
    rules = {
        "input_step": ("above 0", lambda t: t > 0),
        "unit": ("above 0", lambda t: t > 0),
        "value": ("a number other than 0", lambda t: t != 0),
        "gain": ("a power of two, or minus one", lambda t: t.abs().frexp().mantissa == 1 / 2),
    }
    known = [(name, t, rules.get(name.rpartition(".")[2])) for name, t in sorted(state.items())]
    return [f"{name} is not {r[0]}" for name, t, r in known if r and not r[1](t).all()]


def populations(module: nn.Module) -> dict[str, Population]:
    """Return the populations inside ``module`` by path."""
    return {name: m for name, m in module.named_modules() if isinstance(m, Population)}


def weighted(module: nn.Module) -> dict[str, Any]:
    """Return the layers inside ``module`` that hold synapses, by path."""
    kinds = (nn.Conv2d, nn.Linear)
    return {name: m for name, m in module.named_modules() if isinstance(m, kinds)}


def _batch_norms(module: nn.Module) -> list[tuple[nn.Module, str]]:
    """Return where the batch normalisations of torch are: what holds each, and its name there."""
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d)
    places = [(m, n, c) for m in module.modules() for n, c in m.named_children()]
    return [(parent, name) for parent, name, child in places if isinstance(child, kinds)]


def latent_weights(module: nn.Module) -> list[Tensor]:
    """Return the parameters behind the weights of ``module``: of integers, the reals they round."""
    return [
        linear.parametrizations.weight.original
        if is_parametrized(linear, "weight")
        else linear.weight
        for linear in weighted(module).values()
    ]


def compare(target: Target, deployment: Deployment, module: nn.Module, sequence: Tensor) -> int:
    """Return how many spikes of ``module``, in the mode it is in, equal those of hwsim: all.

    Raises CheckError naming each population that sends something else.
    """
    with torch.no_grad(), recorded(module) as sent:
        unroll(module, sequence)
    machine = target.spikes(module, sequence, deployment)
    found, compared = [], 0
    for name, spikes in sent.items():
        wanted = machine[name]
        wrong = int((spikes.cpu().numpy().reshape(wanted.shape) != wanted).sum())
        compared += wanted.size
        if wrong:
            found.append(f"{name}: {wrong} of {wanted.size} spikes differ from hwsim")
    raise_all(
        "the network that trains is not what the chip would run",
        found,
        hint="a layer computes something else than in evaluation, as dropout does, or its "
        'dynamics were replaced; train with [hardware] train = "float"',
    )
    return compared


def _coded(module: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Round the input of a network to multiples of what a message of 1 stands for."""
    step = module.input_step
    return (step * torch.round(inputs[0] / step), *inputs[1:])


def _hold_integers(layer: Population, chip: Chip) -> None:
    """Give ``layer`` the chip's registers, dynamics and arithmetic."""
    limits = registers(layer.kind)
    for name, narrower in chip.registers.get(layer.kind.__name__, {}).items():
        limits[name] = {**limits[name], **narrower}
    for name, value in _plain(layer, TRAINED).items():
        low, high, step = (limits[name][key] for key in ("low", "high", "step"))
        unit = torch.tensor(1 / DECAY_UNITY)
        if name == "threshold":  # one of 0 would fire in silence
            low, unit = max(low, STATE_UNIT), torch.ones(layer.channels, *[1] * (value.dim() - 1))
        start = value.expand(torch.broadcast_shapes(value.shape, unit.shape)).clone()
        layer.register_parameter(name, nn.Parameter(start))
        register_parametrization(layer, name, Register((low, high), step, unit), unsafe=True)
    layer.norm = ChipBias(layer.channels, chip.bias)  # pyright: ignore[reportAttributeAccessIssue]
    layer.arithmetic = Exact(layer.arithmetic.surrogate)
    layer.dynamics = over_integers


def _plain(module: nn.Module, names: Collection[str]) -> dict[str, Tensor]:
    """Take those of ``names`` that ``module`` has off it, whatever they were, and its rounding.

    Not ``remove_parametrizations``, which strips copies of the module too.
    """
    values = {
        name: torch.as_tensor(getattr(module, name), dtype=torch.float32).detach()
        for name in names
        if hasattr(module, name)
    }
    if is_parametrized(module):
        module.__class__ = type_before_parametrizations(module)
        del module.parametrizations
    for name in values:
        if hasattr(module, name):
            delattr(module, name)
    return values


@torch.no_grad()
def real_network(module: nn.Module) -> nn.Module:
    """Return a network of reals that computes with the integers of hardened ``module``.

    Its thresholds and biases count in units of weight, its decays are fractions: what export
    reads, and rounds to exactly the integers that were trained.
    """
    module = copy.deepcopy(module)
    for linear in weighted(module).values():
        unit = linear.parametrizations.weight[0].unit
        linear.weight = nn.Parameter(_plain(linear, ["weight"])["weight"] / unit)
    for layer in populations(module).values():
        norm: Any = layer.norm
        for name, value in _plain(layer, TRAINED).items():
            unit = STATE_UNIT if name == "threshold" else DECAY_UNITY
            layer.register_buffer(name, value / unit)
        fixed = Fixed(norm.gain, norm.bias / STATE_UNIT)
        layer.norm = fixed  # pyright: ignore[reportAttributeAccessIssue]
        layer.arithmetic = Real(layer.arithmetic.surrogate)
        layer.dynamics = over_time
    module._forward_pre_hooks.clear()
    return module


class Fixed(nn.Module):
    """A norm (C,) that no longer learns: ``gain * u + offset``."""

    TRACKS = is_batch_norm = False
    gain: Tensor
    offset: Tensor

    def __init__(self, gain: Tensor, offset: Tensor) -> None:
        super().__init__()
        self.register_buffer("gain", gain)
        self.register_buffer("offset", offset)

    def affine(self, filtered: Tensor | None = None) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Return gain and offset."""
        return self.gain, self.offset
