"""The synapses of a netx layer as hwsim's: what lava-dl hands to Lava for them."""

from __future__ import annotations

import numpy as np

from hwsim.arith import WORD
from hwsim.errors import SpikeportError
from hwsim.synapses import Conv2d, Dense, Shape
from snnexport.formats.netx.layout import DELAY, SIZE_MAX
from snnexport.formats.netx.read_fields import Fields
from snnexport.formats.netx.weights import changed_weights


def read_conv(layer: Fields, shape: Shape, source: Shape | None) -> Conv2d | None:
    """Return the convolution of ``layer``, of ``shape``, on a ``source`` (C, H, W)."""
    if "delay" in layer.held:
        layer.whole("delay", (0, 0))
    weight = layer.whole("weight", WORD)
    sizes = [layer.pair(n, low) for n, low in (("stride", 1), ("padding", 0), ("dilation", 1))]
    groups = layer.whole("groups", (1, SIZE_MAX))
    if groups is not None and groups.shape:
        layer.refuse(f"groups has shape {groups.shape}, not ()")
    if weight is not None and weight.ndim == 5 and weight.shape[4] == 1:
        weight = weight[..., 0]
    if weight is not None and weight.ndim != 4:
        layer.refuse(f"weight has shape {weight.shape}, not (outputs, inputs, height, width)")
        return None
    stride, padding, dilation = sizes
    if weight is None or groups is None or groups.shape or not (stride and padding and dilation):
        return None
    conv = Conv2d(weight.astype(np.int32), stride, padding, dilation, int(groups))
    _agrees(layer, conv)
    if _fits(layer, conv, shape, source):
        return conv
    return None


def _agrees(layer: Fields, conv: Conv2d) -> None:
    outputs, inputs, *kernel = conv.weight.shape
    layer.agree("outChannels", outputs)
    layer.agree("inChannels", inputs * conv.groups)
    layer.agree("kernelSize", tuple(kernel))


def _fits(layer: Fields, conv: Conv2d, shape: Shape, source: Shape | None) -> bool:
    """Say whether ``conv`` takes ``source`` to the declared ``shape``; note why not."""
    found = conv.problems()
    if max(conv.weight.shape[2:]) > SIZE_MAX:
        found.append(f"kernel = {conv.weight.shape[2:]} does not fit Lava's 1..{SIZE_MAX}")
    if source is None:
        found.append("the shape of its input is not known: give input_shape (C, H, W)")
    if not found and source is not None:
        try:
            output = conv.output_shape(source)
        except SpikeportError as error:
            found.append(error.message)
        else:
            if output != shape:
                found.append(f"shape = {shape}, but the convolution gives {output}")
    for problem in found:
        layer.refuse(problem)
    return not found


def read_dense(layer: Fields, neurons: int, recurrent: bool) -> list[Dense]:
    """Return the synapses of a dense ``layer``: those of its input, then the recurrent ones."""
    names = ["weight", *["weight_rec"] * recurrent]
    parts = [_matrix(layer, name, neurons) for name in names]
    found = [p for p in parts if p is not None]
    if len(found) < len(names):
        return []
    layer.agree("outFeatures", found[0].shape[0])
    layer.agree("inFeatures", found[0].shape[1])
    if recurrent and found[1].shape != (neurons, neurons):
        layer.refuse(f"weight_rec has shape {found[1].shape}, not {(neurons, neurons)}")
    for problem in changed_weights(found):
        layer.refuse(problem)
    delay = None if recurrent else _delay(layer, found[0].shape)
    return [Dense(found[0], delay=delay), *map(Dense, found[1:])]


def _matrix(layer: Fields, name: str, neurons: int) -> np.ndarray | None:
    """Return weights (outputs, inputs); lava-dl also takes them flat."""
    weight = layer.whole(name, WORD)
    if weight is None:
        return None
    if weight.ndim == 1 and weight.size % neurons == 0:
        weight = weight.reshape(neurons, -1)
    if weight.ndim == 2 and len(weight) == neurons:
        return weight.astype(np.int32)
    layer.refuse(f"{name} has shape {weight.shape}, not (outputs = {neurons}, inputs)")
    return None


def _delay(layer: Fields, shape: Shape) -> np.ndarray | None:
    """Return the delay of each synapse, (outputs, inputs), or None if there are none.

    One number a neuron delays all that the neuron receives; one an input, all that the input
    sends; where there are as many outputs as inputs, lava-dl takes the first meaning.
    """
    if "delay" not in layer.held:
        return None
    delay = layer.whole("delay", DELAY)
    if delay is None:
        return None
    outputs, inputs = shape
    if delay.shape == (outputs,):
        delay = delay.reshape(outputs, 1)
    if delay.shape not in ((), (outputs, 1), (inputs,), shape):
        layer.refuse(f"delay has shape {delay.shape}, not (), ({outputs},) or ({inputs},)")
        return None
    return np.broadcast_to(delay, shape).copy() if delay.any() else None
