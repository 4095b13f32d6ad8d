"""Reads a netx file (.net) as the Program that lava-dl and Lava would run."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from math import prod
from pathlib import Path

from hwsim.activations import inside
from hwsim.arith import WORD, Range
from hwsim.errors import RangeError, raise_all
from hwsim.neurons import Delta, LeakyIntegrator, Neuron, Sigma, SigmaDelta
from hwsim.program import Connection, Input, Population, Program, Readout
from hwsim.synapses import Dense, Shape, Sparse, Synapse
from snnexport.formats.netx import layout
from snnexport.formats.netx.hdf5 import RawLayer
from snnexport.formats.netx.read_attribute import Said, read_attribute
from snnexport.formats.netx.read_fields import Fields
from snnexport.formats.netx.read_layers import read_conv, read_dense
from snnexport.formats.netx.read_neurons import default_neuron, read_neuron
from snnexport.formats.netx.sandbox import read_file

CHIP, INPUT = "loihi2", "input"
_SIGMA_DELTA = (Delta, Sigma, SigmaDelta)


def read_netx(
    path: Path,
    *,
    period: int | None = None,
    input_range: Range | None = None,
    input_shape: Shape | None = None,
    skip_layers: int = 0,
    num_layers: int | None = None,
) -> Program:
    """Return the network in the netx file at ``path``, exactly as lava-dl 0.6.0 runs it.

    Layer i becomes the population ``layer<i>``, shapes channel-first. An input layer with a
    neuron takes its input through synapses of weight 1 and answers one step later than in
    lava-dl, where a user writes the values into its bias (CUBA) or port (SDNN) directly. A file
    of spikeport that is read whole gives names, readout and metadata, and the defaults below.

    Parameters
    ----------
    path
        The file.
    period
        Steps of one sample, lava-dl's ``reset_interval``; by default what a file of spikeport
        says, else nothing is ever reset.
    input_range
        Lowest and highest input value. By default what a file of spikeport says, else 0..1, or
        all that Lava holds if the file begins with neurons or graded messages arrive.
    input_shape
        (C, H, W), for a file that begins with a convolution and does not say so.
    skip_layers, num_layers
        Leave out the first layers, and all after so many, as lava-dl does.

    Raises
    ------
    FileError
        If the file is missing, damaged, or no netx file.
    CheckError
        Listing everything that lava-dl ignores, changes or fails on.
    RangeError
        If the file has fewer layers than are asked for.
    """
    file = read_file(path)
    asked, there = max(skip_layers + 1, num_layers or 1), len(file.layers)
    if asked > there or (num_layers is not None and num_layers < 1):
        raise RangeError(
            f"{path}: there are no layers {skip_layers}..{num_layers} of {there}",
            hint=f"the file has {there} layers; leave fewer out",
        )
    whole = not skip_layers and num_layers is None
    said = read_attribute(file, path) if whole else Said()
    period = said.period if period is None else period
    chain = _Chain(input_shape, input_range or said.input_range, said.input_name, said.populations)
    for i, layer in enumerate(file.layers[:num_layers]):
        chain.add(i, layer, skipped=i < skip_layers)
    chain.close(period)
    hint = "lava-dl would ignore or change this, or fail: see netx in docs/formats.md"
    raise_all(str(path), chain.problems, hint=hint)
    output = chain.populations[-1]
    silent = isinstance(output.neuron, LeakyIntegrator)
    return Program(
        name=said.name or path.stem,
        chip=said.chip or CHIP,
        input=Input(chain.source, chain.entry, *chain.range),
        populations=tuple(chain.populations),
        connections=tuple(chain.connections),
        output=output.name,
        readout=said.readout or (Readout.VOLTAGE if silent else Readout.COUNT),
        period=period,
        metadata={
            **said.metadata,
            "netx.sha256": sha256(file.content).hexdigest(),
            **chain.metadata,
        },
    )


class _Chain:
    """Builds the network layer by layer, each behind the one before; collects problems.

    ``source``, ``entry`` and ``range`` say what the input is; ``shape`` (None if not known),
    ``graded`` and ``flat`` say what the next layer receives; ``names`` are those of the
    populations, ``layer<i>`` where there are none.
    """

    def __init__(
        self,
        input_shape: Shape | None,
        input_range: Range | None,
        input_name: str | None,
        names: Sequence[str],
    ) -> None:
        self.source, self.names = input_name or INPUT, iter(names)
        self.entry: Shape = input_shape or ()
        self.given, self.range = input_range, input_range or (0, 1)
        self.shape, self.flat = input_shape, False
        self.graded = min(self.range) < 0 or max(self.range) > 1
        self.populations: list[Population] = []
        self.connections: list[Connection] = []
        self.metadata: dict[str, str] = {}
        self.problems: list[str] = []

    def add(self, index: int, raw: RawLayer, *, skipped: bool) -> None:
        """Append a layer; if it is ``skipped``, only note what it would send."""
        layer = Fields(f"layer {index}", raw.fields, self.problems)
        kind = layer.text("type")
        known = layout.FIELDS.get(kind or "")
        if known is None:
            if kind is not None:
                why = layout.REFUSED_LAYERS.get(kind, "lava-dl skips it silently")
                layer.refuse(f"type = {kind!r} cannot be read: {why}; leave it out")
            self.shape, self.flat = None, False
            return
        layer.only(known)
        if self.flat and kind not in ("dense", "dense_rec"):
            layer.refuse("it follows a flatten layer, which lava-dl applies to dense layers only")
        if kind == "flatten":
            if self.populations and self.shape is not None and len(self.shape) != 3:
                layer.refuse(f"lava-dl cannot flatten a layer of shape {self.shape}; leave it out")
        elif kind == "input":
            self._input(index, layer, raw, skipped)
        else:
            self._neurons(index, kind or "", layer, raw, skipped)
        self.flat = kind == "flatten"

    def close(self, period: int | None) -> None:
        """Note what is wrong with the network as a whole."""
        if not self.populations and not self.problems:
            self.problems.append("there is no layer with neurons")
        if self.flat:
            self.problems.append("the last layer is a flatten, which lava-dl ignores; leave it out")
        kept = [p.name for p in self.populations if isinstance(p.neuron, _SIGMA_DELTA)]
        if period is not None and kept:
            self.problems.append(
                f"{', '.join(kept)}: lava-dl never resets sigma-delta neurons; give no period"
            )

    def _input(self, index: int, layer: Fields, raw: RawLayer, skipped: bool) -> None:
        if index:
            layer.refuse("lava-dl connects nothing to an input layer behind other layers")
        held = self._held(layer, raw)
        if held is None and "shape" not in layer.held:
            return
        shape = layer.shape()
        if held is None:
            self.entry, self.shape = shape or (), shape
            return
        for name in ("weight", "bias"):
            value = layer.whole(name, WORD) if name in layer.held else None
            if value is not None:
                self.metadata[f"netx.input.{name}"] = str(value.ravel()[0])
        neuron = None if shape is None else read_neuron(held, layer, shape, entry=True)
        if shape is not None and neuron is not None:
            limits = layout.SDNN_VALUE if isinstance(neuron, Delta) else layout.BIAS
            self._take(limits, layer)
            self.entry, self.graded = shape, True
            self._append(index, shape, neuron, [Sparse.identity(prod(shape))], skipped)

    def _take(self, limits: Range, layer: Fields) -> None:
        """Let the input have the values that the neurons of the input ``layer`` take."""
        self.range = self.given or limits
        if not inside(self.range, limits):
            layer.refuse(f"input_range = {self.range} does not fit {limits[0]}..{limits[1]}")

    def _neurons(self, index: int, kind: str, layer: Fields, raw: RawLayer, skipped: bool) -> None:
        """Append a layer that has synapses and neurons."""
        held, shape = self._held(layer, raw), layer.shape()
        if shape is None:
            self.shape = None
            return
        synapses: Sequence[Synapse]
        if kind == "conv":
            conv = read_conv(layer, shape, self.shape)
            synapses = [] if conv is None else [conv]
        else:
            shape = (prod(shape),)
            synapses = dense = read_dense(layer, shape[0], recurrent=kind == "dense_rec")
            if dense:
                self._follow(layer, dense[0])
        neuron = None
        if held is not None:
            neuron = read_neuron(held, layer, shape, entry=False)
        elif kind == "conv":
            layer.refuse("it has no neuron: lava-dl raises KeyError")
        else:
            neuron = default_neuron(layer, shape)
        if synapses and neuron is not None:
            self._append(index, shape, neuron, synapses, skipped)
        self.shape = shape

    def _held(self, layer: Fields, raw: RawLayer) -> Fields | None:
        where = f"{layer.where}: neuron"
        return None if raw.neuron is None else Fields(where, raw.neuron, self.problems)

    def _follow(self, layer: Fields, synapse: Dense) -> None:
        """Note where ``synapse`` does not fit what it receives."""
        inputs = synapse.weight.shape[1]
        if self.shape is None:
            self.entry = self.entry or (inputs,)
        elif prod(self.shape) != inputs:
            layer.refuse(f"weight has {inputs} inputs, and {self.shape} comes before it")
        elif self.populations and len(self.shape) > 1 and not self.flat:
            layer.refuse(f"{self.shape} comes before it; put a flatten layer between")

    def _append(
        self, index: int, shape: Shape, neuron: Neuron, synapses: Sequence[Synapse], skipped: bool
    ) -> None:
        """Append a population behind the last, with its synapses: from there, and recurrent."""
        name, graded = next(self.names, f"layer{index}"), isinstance(neuron, _SIGMA_DELTA)
        if skipped:
            self.entry = shape
            self.range = self.given or (layout.MESSAGE if graded else (0, 1))
        else:
            sources = [self.populations[-1].name if self.populations else self.source, name]
            self.connections += [
                Connection(source, name, synapse, self.graded)
                for source, synapse in zip(sources, synapses, strict=False)
            ]
            self.populations.append(Population(name, shape, neuron, len(self.populations) + 1))
        self.shape, self.graded = shape, graded
