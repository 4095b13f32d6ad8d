"""A trained network -> the same network in integers of a chip, which trains on; and its program.

The module is the target that :func:`snntrain.fit` takes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hwsim.arith import STATE_UNIT
from hwsim.chip import load_chip
from hwsim.errors import raise_all
from hwsim.simulate import run
from snnexport._capture import capture
from snnexport._grids import Network, Scales
from snnexport._stages import integer_graphs
from snnexport.check import fitted
from snnexport.passes.align import RELAY
from snnexport.passes.calibration import Calibration, code_input
from snnexport.passes.choices import Choices, LayerChoice
from snnexport.passes.fold import Into, fold
from snnexport.passes.lower import lower
from snnexport.passes.quantize import quantize
from snnexport.source import input_step
from snntrain.hardware import Deployment, populations, weighted

_HINT = 'change these layers, or train with [hardware] train = "float"'


def problems(module: nn.Module, deployment: Deployment) -> list[str]:
    """List what keeps ``module``, a network of reals, off the chip."""
    chip = load_chip(deployment.settings.chip)
    return fitted(module, chip, _example(deployment), _calibration(deployment)).problems


def fan_outs(module: nn.Module, deployment: Deployment) -> dict[str, np.ndarray]:
    """Return how many synapses each neuron of ``module``, a network of reals, will drive.

    By population, of its shape; those of relays on its way count as its own, those that are
    pruned later too. Raises CheckError listing what sends messages and is no population.
    """
    chip = load_chip(deployment.settings.chip)
    folded = fold(capture(module, _example(deployment)))
    program = lower(quantize(folded, chip, _calibration(deployment)), chip)
    found: dict[str, np.ndarray] = {}
    for c in program.connections:
        origin, _, _ = c.source.partition(RELAY)
        found[origin] = found.get(origin, 0) + program.fan_outs[c.name][0].astype(np.int64)
    held = populations(module)
    joined = {c.target for c in program.connections} & found.keys() - held.keys()
    raise_all(
        "train.synops_penalty: the operations of some messages cannot be lowered",
        [
            f"{name}: joins spikes, and no layer is charged for what it drives"
            for name in sorted(joined)
        ],
        hint="use rate_penalty, or a network without sums and gates of spikes",
    )
    return {name: found[name] for name in held if name in found}


def spikes(module: nn.Module, sequence: Tensor, deployment: Deployment) -> dict[str, np.ndarray]:
    """Return what hwsim says the populations of hardened ``module`` send on ``sequence``.

    Both (T, B, *shape); the spikes by name, each in the frame that caused it.
    """
    settings, chip = deployment.settings, load_chip(deployment.settings.chip)
    _, folded, choices = integer_graphs(
        module, _example(deployment), "network", settings.weight_bits, checked=False
    )
    program = lower(quantize(folded, chip, _calibration(deployment), choices), chip)
    sent = code_input(sequence.cpu().numpy(), input_step(program))
    sent = sent.reshape(*sequence.shape[:2], *program.input.shape)
    trace = run(program, sent, record="spikes").trace
    assert trace is not None
    return {
        p.name: trace.spikes[p.name][p.latency : p.latency + len(sent)] for p in program.populations
    }


@torch.no_grad()
def harden(module: nn.Module, deployment: Deployment) -> nn.Module:
    """Return trained ``module`` in integers of the chip, at the scales that quantize chooses.

    ``module`` is changed in place. Its weights stay the parameters they were; what rounds them
    is decided once, here: input step, the factor of each output channel, and the unit of each
    channel's registers.

    Raises
    ------
    CheckError
        Listing what cannot be quantized, or has no module that could hold its integers.
    """
    settings, chip = deployment.settings, load_chip(deployment.settings.chip)
    captured = capture(module, _example(deployment), name=type(module).__name__)
    folded = fold(captured, Into.WEIGHTS)
    bits = LayerChoice(weight_bits=settings.weight_bits)
    choices = Choices(layers={p.name: bits for p in folded.layers if not p.is_sum})
    quantized = quantize(folded, chip, _calibration(deployment), choices)
    network = Network(captured, folded, quantized, settings.weight_bits)
    scales, grids = network.grids()
    raise_all(f"{captured.name} in integers", network.problems, hint=_HINT)
    settings.integer_network(module)
    module.input_step.fill_(quantized.step)  # pyright: ignore[reportCallIssue]
    held = populations(module)
    for name, chosen in scales.items():
        _set_registers(held[name], chosen)
    for path, linear in weighted(module).items():
        rounding = linear.parametrizations.weight[0]
        for name in ("factor", "value"):
            if path in grids:
                getattr(rounding, name).copy_(torch.from_numpy(getattr(grids[path], name)))
    return module


def _set_registers(layer: Any, chosen: Scales) -> None:
    """Fill the registers of a hardened population; its decays have what they need."""
    unit = torch.from_numpy(chosen.scale / STATE_UNIT)
    norm = layer.norm
    norm.gain.copy_(torch.from_numpy(chosen.gain))
    norm.unit.copy_(unit)
    norm.parametrizations.bias[0].unit.copy_(unit)
    norm.parametrizations.bias.original.copy_(torch.from_numpy(chosen.bias))
    if "threshold" in layer.REGISTERS:
        held = layer.parametrizations.threshold[0].unit
        held.copy_(unit.view_as(held))


def _example(deployment: Deployment) -> Tensor:
    return torch.zeros(deployment.steps, 1, *deployment.shape)


def _calibration(deployment: Deployment) -> Calibration:
    return Calibration(min(deployment.low, 0), max(deployment.high, 0))
