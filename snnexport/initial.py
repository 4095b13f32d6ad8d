"""Graph -> the weights that a network of other neurons starts from: what ``train --init`` fills."""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from hwsim.errors import raise_all
from hwsim.program import expand
from hwsim.synapses import Shape
from snnexport._capture import capture
from snnexport._matching import biased, form, kind, pairs, reduced, without_sums
from snnexport.graph import Convolution, Diagonal, Edge, Graph, Layer, Linear
from snntrain.hardware import populations
from snntrain.norms import CurrentNorm

REGISTERS = ("decay_u", "decay_v", "threshold", "period")
TOLERANCE = 1e-6
"""By which registers that are not copied may differ: files hold them in float32."""
_HINT = "change [net] of the recipe, or start from a checkpoint of the same [net]"


@torch.no_grad()
def initialised(module: nn.Module, graph: Graph, example: Tensor) -> nn.Module:
    """Return a copy of ``module`` with the weights, biases, decays and thresholds of ``graph``.

    It computes what ``graph`` does, but for what a spike leaves of the voltage. Populations are
    matched in the order from input to output, those side by side by shape and then as they
    stand. Normalisations start as the identity, and take the bias.

    Parameters
    ----------
    module
        A network of reals; it is left as it is.
    graph
        Captured or read from a file, before any pass.
    example
        Zeros (T, 1, *shape) as ``module`` takes them.

    Raises
    ------
    CheckError
        Listing every population, path, register and bias that has no counterpart.
    """
    module = copy.deepcopy(module).eval()
    for norm in module.modules():
        if isinstance(norm, (CurrentNorm, nn.BatchNorm1d, nn.BatchNorm2d)):
            _make_identity(norm)
    given = without_sums(graph)
    wanted = without_sums(capture(module, example, name="recipe", checked=False))
    matched, problems = pairs(wanted, given)
    filling = _Filling(module, biased(module, example[0].to(next(module.parameters())), wanted))
    sources = {our.name: their.name for our, their in matched} | {wanted.input: given.input}
    for our, their in matched:
        if our.shape == their.shape and kind(our) == kind(their):
            filling.registers(our, their)
            filling.edges(our, their, sources)
            filling.constants(our, their)
    problems += filling.problems
    raise_all("init: the file does not fit the network of the recipe", problems, hint=_HINT)
    for path, value in filling.values.items():
        filling.parameters[path].copy_(torch.from_numpy(value))
    return module


def _make_identity(norm: Any) -> None:
    """Give a normalisation the gain 1 and the bias 0, in evaluation."""
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.fill_(1)
    norm.bias.zero_()


class _Filling:
    """What the parameters of a module will be, by path, and a list of what they cannot be.

    biased: by population, the biases that it hears. Registers are set at once.
    """

    def __init__(self, module: nn.Module, biased: dict[str, list[str]]) -> None:
        self.parameters, self.biased = dict(module.named_parameters()), biased
        self.held: dict[str, Any] = populations(module)
        self.values: dict[str, np.ndarray] = {}
        self.problems: list[str] = []

    def registers(self, target: Layer, source: Layer) -> None:
        """Take decays and thresholds where they are tensors, else require them to agree."""
        for name in REGISTERS:
            if not hasattr(target.neuron, name) and not hasattr(source.neuron, name):
                continue
            given = expand(getattr(source.neuron, name, 0), source.shape)
            here = getattr(self.held.get(target.name), name, getattr(target.neuron, name, 0))
            if isinstance(here, Tensor):
                self._set_register(target, source, name, here)
            elif np.abs(given - here).max() > TOLERANCE:
                there = f"{source.name} in the file has {_shown(given)}"
                self.problems.append(f"{target.name}: {name} = {here}; {there}")

    def _set_register(self, target: Layer, source: Layer, name: str, here: Tensor) -> None:
        """Take a register that is a tensor of its own, or learned behind a function."""
        layer, given = self.held[target.name], expand(getattr(source.neuron, name), source.shape)
        there = f"{source.name} in the file has {_shown(given)}"
        value = _fitted(given, target.shape, tuple(here.shape))
        if value is None:
            shared = "layer" if here.dim() == 0 else "channel"
            self.problems.append(f"{target.name}: {name} is one value a {shared}; {there}")
        elif not is_parametrized(layer, name):
            here.copy_(torch.from_numpy(value))
        elif name != "threshold" and not ((value > 0) & (value < 1)).all():
            self.problems.append(f"{target.name}: {name} is learned, within 0..1; {there}")
        else:
            setattr(layer, name, torch.from_numpy(value).to(here))

    def edges(self, target: Layer, source: Layer, sources: dict[str, str]) -> None:
        """Take the weights of all paths into a population."""
        ours, theirs = defaultdict(list), defaultdict(list)
        for edge in target.edges:
            ours[sources[edge.source], edge.late].append(edge)
        for edge in source.edges:
            theirs[edge.source, edge.late].append(edge)
        for end in dict.fromkeys((*ours, *theirs)):
            if len(ours[end]) != len(theirs[end]):
                what = f"{len(ours[end])} path(s) from {end[0]}" + f", {end[1]} late" * bool(end[1])
                self.problems.append(
                    f"{target.name}: hears {what}; {source.name} in the file {len(theirs[end])}"
                )
                continue
            for our, their in zip(ours[end], theirs[end], strict=True):
                gain = () if source.norm is None or their.late else (Diagonal(source.norm.gain),)
                self._path(target, our, replace(their, stages=(*their.stages, *gain)))

    def _path(self, target: Layer, our: Edge, their: Edge) -> None:
        wanted, divisor = reduced(our.stages)
        given, factor = reduced(their.stages)
        if [form(s) for s in wanted] != [form(s) for s in given]:
            here, there = (" > ".join(map(form, found)) or "nothing" for found in (wanted, given))
            self.problems.append(
                f"{target.name}: {our.module} is {here}; {their.module} in the file is {there}"
            )
            return
        weighted = [s.weight for s in given if isinstance(s, (Convolution, Linear))]
        path = f"{our.module}.weight"
        if len(weighted) == 1 and path in self.parameters:
            value = (weighted[0] * (factor / divisor)).reshape(self.parameters[path].shape)
            known = self.values.setdefault(path, value)  # one module may be in several paths
            if not np.allclose(known, value, rtol=TOLERANCE, atol=0):
                self.problems.append(f"{path}: two paths in the file have different values for it")
        elif weighted or abs(factor - divisor) > TOLERANCE:
            self.problems.append(f"{target.name}: no single module holds the weights of its path")

    def constants(self, target: Layer, source: Layer) -> None:
        """Take what enters current and voltage in every step, each where there is a place."""
        norm, own = source.norm, getattr(self.held.get(target.name), "norm", None)
        gain, offset = (1.0, 0.0) if norm is None else (norm.gain, norm.offset)
        current = expand(gain, source.shape) * _whole(source.constant, source.shape)
        voltage = expand(offset, source.shape) + _whole(_bias(source), source.shape)
        if np.all(np.asarray(getattr(source.neuron, "decay_u", 1.0)) == 1.0):  # one is the other
            nothing, both = np.zeros(source.shape), current + voltage
            current, voltage = (nothing, both) if own else (both, nothing)
        if own:
            scale = own.affine()[0].double().numpy()  # of one that scales with the leak
            self.values[f"{target.name}.norm.weight"] = 1 / scale
            voltage = voltage / expand(scale, target.shape)
        self._give(f"{target.name}.norm.bias" if own else None, voltage, target, source)
        first, rest = None, []
        for path in self.biased[target.name]:
            if path in self.values:  # shared with populations before
                current = current - expand(self.values[path], target.shape)
            elif first is None:
                first = path
            else:
                rest.append(path)
        self._give(first, current, target, source)
        for path in rest:
            self.values[path] = np.zeros(self.parameters[path].shape)

    def _give(self, path: str | None, value: np.ndarray, target: Layer, source: Layer) -> None:
        """Let a bias be ``value``, one for each neuron of ``target``; None if there is no bias."""
        largest = f"{source.name} in the file has one of {np.abs(value).max():.6g}"
        if path is None:
            if np.abs(value).max() > TOLERANCE:
                self.problems.append(f"{target.name}: has no bias; {largest}")
            return
        fitted = _fitted(value, target.shape, tuple(self.parameters[path].shape))
        if fitted is None:
            self.problems.append(f"{path}: is one value per channel; {largest} that differs in it")
        else:
            self.values[path] = fitted


def _bias(layer: Layer) -> Any:
    return getattr(layer.neuron, "bias", 0.0)


def _whole(value: Any, shape: Shape) -> np.ndarray:
    return np.broadcast_to(expand(value, shape), shape)


def _fitted(value: Any, shape: Shape, wanted: tuple[int, ...]) -> np.ndarray | None:
    """Return what a population of ``shape`` holds as an array ``wanted``; None if it is more."""
    whole = _whole(value, shape)
    if wanted not in ((), shape[:1]):
        return whole.reshape(wanted) if whole.size == np.prod(wanted) else None
    rows = whole.reshape(len(whole) if wanted else 1, -1)
    same = np.ptp(rows, axis=1) <= TOLERANCE
    return rows[:, 0].reshape(wanted).copy() if same.all() else None


def _shown(value: np.ndarray) -> str:
    low, high = value.min(), value.max()
    return f"{low:.9g}" if low == high else f"{low:.9g}..{high:.9g}"
