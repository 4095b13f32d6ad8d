"""What a netx file (.net, HDF5, lava-dl 0.6.0) holds: its names, constants and ranges.

    /layer/<i>/type, shape                        i = 0, 1, ... without a gap
    /layer/<i>/weight, bias, delay, stride, ...   by type, see ``FIELDS``
    /layer/<i>/neuron/type, iDecay, ...           see ``NEURON_FIELDS``
    /simulation/Ts, tSample                       what slayer once wrote; nobody reads it
    attribute "spikeport" of /                    what spikeport's writer adds, see ``ATTRIBUTE``

Shapes are [C, H, W] or [n], kernels [O, I / groups, kH, kW] as in torch, sizes (H, W).
Source: lava-dl 0.6.0 ``lava/lib/dl/netx/hdf5.py``, ``netx/utils.py``, ``netx/blocks/process.py``.
"""

from __future__ import annotations

from hwsim.arith import Range

ATTRIBUTE, SCHEMA = "spikeport", "spikeport.netx/1"
"""The root attribute in which spikeport's writer keeps what netx has no place for, and the value
of its ``schema``. It is a JSON object: see ``snnexport.formats.netx.attribute.facts``, which lists
its keys, all of them always there. lava-dl ignores it."""

LAYERS, NEURON = "layer", "neuron"
"""Groups: all layers; the neuron of a layer; sampling times, which lava-dl never reads."""

_EVERY = frozenset({"type", "shape", NEURON})
_DENSE = frozenset({"weight", "bias", "inFeatures", "outFeatures"})
FIELDS = {
    "input": _EVERY | {"weight", "bias"},
    "flatten": frozenset({"type", "shape"}),
    "dense": _EVERY | _DENSE | {"delay"},
    "dense_rec": _EVERY | _DENSE | {"weight_rec"},
    "conv": _EVERY
    | {"weight", "bias", "stride", "padding", "dilation", "groups"}
    | {"kernelSize", "inChannels", "outChannels", "delay"},
}
"""Layer types that become part of a network, and what each may hold. The bias of an input layer
and its weight describe how pixels become input (weight * x + bias); lava-dl applies neither.
It ignores the delays of a convolution, which therefore must be 0."""

REFUSED_LAYERS = {
    "average": "lava-dl raises NotImplementedError",
    "concat": "lava-dl raises NotImplementedError",
    "convT": "lava-dl raises NotImplementedError",
    "dense_comp": "lava-dl has no create_complex_dense, and hwsim no resonate-and-fire neuron",
    "pool": "lava-dl raises NotImplementedError",
    "unpool": "lava-dl raises NotImplementedError",
}
"""Types that lava-dl knows by name and cannot load. Types it does not know it skips silently."""

REFUSED_FIELDS = {
    "messageBits": "lava-dl raises TypeError on it; leave it out",
    "weight_exp": "lava-dl ignores it, so that all weights are too small or too large; "
    "train with MeanOnlyBatchNorm",
}
"""Fields of a neuron that lava-dl's slayer may write and its loader does not carry out."""

CUBA_TYPES, SDNN_TYPE = ("CUBA", "LOIHI"), "SDNN"
"""Values of ``neuron/type``: current-based LIF, and sigma-delta."""
SIGMA_OUTPUT = "sigma_output"
"""A field that makes an SDNN neuron a Sigma by being there, whatever its value."""
_TRAINING = frozenset({"scaleRho", "tauRho", "theta"})
NEURON_FIELDS = {
    "cuba": frozenset({"type", "iDecay", "vDecay", "vThMant", "refDelay", "gradedSpike", "wgtExp"})
    | _TRAINING,
    "sdnn": frozenset({"type", "vThMant", "activation", SIGMA_OUTPUT}),
}
NO_EFFECT = {"refDelay": 1, "gradedSpike": False, "wgtExp": 0, "activation": "relu"}
"""What lava-dl ignores or fixes, with the value that slayer writes and that changes nothing.
``scaleRho``, ``tauRho`` and ``theta`` are parameters of training (surrogate gradient)."""

INTEGRATOR = {"iDecay": 0, "vDecay": 4096, "vThMant": 131072}
"""The neuron of a dense layer that has none: v is the running sum of the input, no spike ever.
lava-dl writes ``1 << 18 - 1``, which is ``1 << 17``."""

BIAS_EXPONENT = 6
"""A CUBA bias is a mantissa shifted left by this many bits."""
SPIKE_EXPONENT, STATE_EXPONENT = 6, 6
"""Thresholds and biases of SDNN neurons are shifted left by the sum of both, messages are sent
shifted right by the second; a Delta shifts its input left by the sum."""

DECAY: Range = (0, 4096)
THRESHOLD: Range = (0, (1 << 25) - 1)
"""``vThMant << 6`` is compared with v in 32 bits; from ``NEVER_FIRES`` on no v reaches it."""
NEVER_FIRES = 131072
BIAS: Range = (-(1 << 15), (1 << 15) - 1)
"""Range of a CUBA bias: Lava keeps the mantissa in an int16 and wraps it silently."""
SDNN_THRESHOLD: Range = (0, (1 << 12) - 1)
SDNN_VALUE: Range = (-(1 << 19), (1 << 19) - 1)
"""Ranges of an SDNN threshold, of a bias, and of the input of a Delta: shifted by 12 bits they
fill the 24 bits of hwsim's register, and the int32 in which Lava wraps them silently."""
MESSAGE: Range = (-(1 << 23), (1 << 23) - 1)
"""Range of a graded message into a synapse: Lava's ports are declared with 24 bits."""
DELAY: Range = (0, 62)
"""Delays in steps; lava-dl clamps larger ones with a warning."""
SIZE_MAX = 127
"""Lava's Conv keeps kernel size, stride, padding, dilation and groups in int8."""
NEURONS_MAX = 1 << 24
"""Most neurons of a layer that is read: 16 times what a Loihi 2 chip has at most."""
