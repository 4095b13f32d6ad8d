"""Recorder: a Lava Process that keeps the spikes, and on request u and v, of one population.

It has a folder of its own because Lava imports every .py file beside a Process class.
Written by spikeport; Python 3.10, lava-nc 0.10.0.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, RefPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class Recorder(AbstractProcess):
    """Keep the spikes of a population and save them as ``<path>.spikes.npy`` at the end.

    Parameters
    ----------
    shape
        Shape of the population, as Lava has it: (W, H, C) or (n,).
    steps
        Time steps of the run; the file, (steps, *shape) int8, is written in the last one.
    path
        Where to write, without the ending.
    """

    def __init__(self, *, shape: tuple[int, ...], steps: int, path: str) -> None:
        super().__init__(shape=shape, steps=steps, path=path)
        self.spikes = InPort(shape=shape)


class StateRecorder(Recorder):
    """Keep u and v too, as they are after the step's reset: ``<path>.u.npy``, int32."""

    def __init__(self, *, shape: tuple[int, ...], steps: int, path: str) -> None:
        super().__init__(shape=shape, steps=steps, path=path)
        self.u = RefPort(shape=shape)
        self.v = RefPort(shape=shape)


class _KeepingModel(PyLoihiProcessModel):
    """What both models do: copy each step into its row, and save after the last step."""

    spikes: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: dict) -> None:
        super().__init__(proc_params)
        self.steps, self.path = proc_params["steps"], proc_params["path"]
        self.kept: dict[str, np.ndarray] = {}

    def keep(self, kind: str, values: np.ndarray, dtype: type) -> None:
        """Copy ``values`` into the row of this time step."""
        if kind not in self.kept:
            self.kept[kind] = np.zeros((self.steps, *self.proc_params["shape"]), dtype)
        self.kept[kind][self.time_step - 1] = values
        if self.time_step == self.steps:
            np.save(f"{self.path}.{kind}.npy", self.kept[kind])

    def run_spk(self) -> None:
        """Keep the spikes of this step."""
        self.keep("spikes", self.spikes.recv(), np.int8)


@implements(proc=Recorder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyRecorderModel(_KeepingModel):
    """Keep spikes."""


@implements(proc=StateRecorder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyStateRecorderModel(_KeepingModel):
    """Keep spikes, and read u and v in the management phase, when all neurons are done."""

    u: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    v: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)

    def post_guard(self) -> bool:
        """Ask Lava for a management phase in every step."""
        return True

    def run_post_mgmt(self) -> None:
        """Keep u and v of this step."""
        self.keep("u", self.u.read(), np.int32)
        self.keep("v", self.v.read(), np.int32)
