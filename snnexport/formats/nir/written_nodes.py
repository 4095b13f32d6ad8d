"""The nodes that stand for neurons and stages in a NIR file."""

from __future__ import annotations

from math import prod

import numpy as np

from hwsim.neurons import LeakyIntegrator
from hwsim.program import expand
from hwsim.synapses import Shape
from snnexport.formats.nir.neurons import Read
from snnexport.formats.nir.nodes import Node
from snnexport.graph import Convolution, SumPool

_LEAST_DECAY = 2.0**-60
"""Of a state that never decays, for nodes that must: 1 less it is 1 in float64."""


def neuron_node(read: Read, shape: Shape, dt: float) -> Node:
    """Return the node that forward Euler with steps of ``dt`` seconds runs as ``read``."""
    neuron, ones = read.neuron, np.ones(shape)
    decay_u, decay_v = (expand(d, shape) * ones for d in (neuron.decay_u, neuron.decay_v))
    fires = {}
    if not isinstance(neuron, LeakyIntegrator):
        whole = expand(neuron.threshold, shape) * ones
        fires = {"v_threshold": whole, "v_reset": 0 * ones}
    no_current, no_leak = bool((decay_u == 1).all()), bool((decay_v == 0).all())
    if no_leak and no_current and not np.any(read.offset):
        return Node("IF" if fires else "I", {"r": read.gain / dt * ones, **fires})
    decay_u, decay_v = (np.maximum(d, _LEAST_DECAY) for d in (decay_u, decay_v))
    leaky = {"r": read.gain / decay_v, "v_leak": read.offset / decay_v, **fires}
    if no_current:
        return Node("LIF" if fires else "LI", {"tau": dt / decay_v, **leaky})
    slow = {"tau_syn": dt / decay_u, "tau_mem": dt / decay_v, "w_in": 1 / decay_u}
    return Node("CubaLIF" if fires else "CubaLI", {**slow, **leaky})


def convolution_node(stage: Convolution, shape: Shape, bias: np.ndarray | None) -> Node:
    """Return a convolution of ``shape``; bias: one value per neuron, alike within a channel."""
    channels = len(stage.weight)
    held = np.zeros(channels) if bias is None else bias.reshape(channels, -1)[:, 0]
    return Node(
        "Conv2d",
        {
            "input_shape": shape[1:],
            "weight": narrow(stage.weight),
            "stride": stage.stride,
            "padding": stage.padding,
            "dilation": stage.dilation,
            "groups": stage.groups,
            "bias": narrow(held),
        },
    )


def pool_node(stage: SumPool, leaving: Shape) -> list[Node]:
    """Return sums or means over windows, with a factor behind sums if there is one."""
    sizes = {"kernel_size": stage.kernel, "stride": stage.stride, "padding": stage.padding}
    weight = float(stage.weight[0])
    if weight == 1.0 / prod(stage.kernel):
        return [Node("AvgPool2d", sizes)]
    scale = [] if weight == 1 else [scale_node(np.full(leaving[0], weight), leaving)]
    return [Node("SumPool2d", sizes), *scale]


def scale_node(values: np.ndarray, shape: Shape) -> Node:
    """Return a factor for each channel of ``shape``."""
    column = values.reshape(-1, *(1,) * (len(shape) - 1))
    return Node("Scale", {"scale": narrow(np.broadcast_to(column, shape).copy())})


def flatten_node(shape: Shape) -> Node:
    """Return a full flattening of ``shape``."""
    return Node("Flatten", {"input_type": shape, "start_dim": 0, "end_dim": -1})


def narrow(values: np.ndarray) -> np.ndarray:
    """Return ``values`` as float32, the type of frameworks, where it holds them exactly."""
    single = values.astype(np.float32)
    return single if np.array_equal(single.astype(np.float64), values) else values
