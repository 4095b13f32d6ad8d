"""The neuron of a netx layer as one of hwsim's: what lava-dl hands to Lava for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsim.arith import DECAY_UNITY, STATE_UNIT
from hwsim.neurons import Cuba, Delta, LeakyIntegrator, Neuron, Sigma, SigmaDelta
from hwsim.synapses import Shape
from snnexport.formats.netx import layout
from snnexport.formats.netx.read_fields import Fields

_SDNN_SHIFT = layout.SPIKE_EXPONENT + layout.STATE_EXPONENT


def default_neuron(layer: Fields, shape: Shape) -> Neuron:
    """Return the neuron of a dense ``layer`` that has none: it sums up and never fires."""
    bias = _bias(layer, shape, layout.BIAS) << layout.BIAS_EXPONENT
    return LeakyIntegrator(layout.INTEGRATOR["iDecay"], layout.INTEGRATOR["vDecay"], bias)


def read_neuron(held: Fields, layer: Fields, shape: Shape, *, entry: bool) -> Neuron | None:
    """Return the neuron of ``layer``, or None after noting why there is none.

    Parameters
    ----------
    held, layer
        The fields of the neuron, and of the layer it belongs to.
    shape
        That of the layer, (C, H, W) or (n,).
    entry
        Whether it is the input layer's. lava-dl drives such a CUBA neuron by its bias, which
        is not filtered, and a Delta directly.
    """
    kind = held.text("type")
    if kind in layout.CUBA_TYPES:
        held.only(layout.NEURON_FIELDS["cuba"])
        return _cuba(held, layer, shape, entry)
    if kind == layout.SDNN_TYPE:
        sends_changes = not entry and layout.SIGMA_OUTPUT not in held.held
        fixed = layout.NEURON_FIELDS["sdnn"]
        held.only(fixed if sends_changes else fixed | {"activation"})
        return _sigma_delta(held, layer, shape, entry)
    if kind is not None:
        known = ", ".join((*layout.CUBA_TYPES, layout.SDNN_TYPE))
        held.refuse(f"type = {kind!r}: hwsim has no such neuron; it reads {known}")
    return None


def _cuba(held: Fields, layer: Fields, shape: Shape, entry: bool) -> Neuron | None:
    decay_u: Any = held.register("iDecay", layout.DECAY, shape[0])
    decay_v = held.register("vDecay", layout.DECAY, shape[0])
    threshold = held.register("vThMant", layout.THRESHOLD, shape[0])
    bias: Any = 0 if entry else _bias(layer, shape, layout.BIAS)
    if decay_u is None or decay_v is None or threshold is None:
        return None
    if entry:
        decay_u = DECAY_UNITY
    bias = bias << layout.BIAS_EXPONENT
    if np.all(np.asarray(threshold) >= layout.NEVER_FIRES):
        return LeakyIntegrator(decay_u, decay_v, bias)
    highest = np.minimum(threshold, layout.NEVER_FIRES)
    return Cuba(decay_u, decay_v, highest * STATE_UNIT, bias)


def _sigma_delta(held: Fields, layer: Fields, shape: Shape, entry: bool) -> Neuron | None:
    if not entry and layout.SIGMA_OUTPUT in held.held:
        if "bias" in layer.held:
            layer.refuse("a Sigma neuron has no bias: lava-dl raises TypeError; leave it out")
        return Sigma()
    threshold = held.register("vThMant", layout.SDNN_THRESHOLD, 1)
    bias: Any = 0 if entry else _bias(layer, shape, layout.SDNN_VALUE)
    if threshold is None:
        return None
    threshold <<= _SDNN_SHIFT
    if entry:
        return Delta(threshold, layout.SPIKE_EXPONENT, layout.STATE_EXPONENT)
    return SigmaDelta(threshold, bias << _SDNN_SHIFT, layout.STATE_EXPONENT)


def _bias(layer: Fields, shape: Shape, limits: tuple[int, int]) -> Any:
    """Return the bias in units of weight: one number, one a channel, or one a neuron; else 0.

    A bias for each neuron of a convolution is stored with the axes of Lava, (W, H, C).
    """
    value = layer.whole("bias", limits) if "bias" in layer.held else None
    if value is None:
        return 0
    if value.size == 1 and (len(shape) == 1 or shape[0] == 1):
        return int(value.item())
    if value.shape == (shape[0],):
        return value
    if value.shape == shape[::-1]:
        return value.transpose()
    layer.refuse(f"bias has shape {value.shape}, not ({shape[0]},) or {shape[::-1]}")
    return 0
