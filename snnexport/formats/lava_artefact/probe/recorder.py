"""Recorder: a Lava Process that keeps the messages, and on request the state, of one population.

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
    """Keep the messages of a population and save them as ``<path>.spikes.npy`` at the end.

    Parameters
    ----------
    shape
        Shape of the population, as Lava has it: (W, H, C) or (n,).
    steps
        Time steps of the run; the files, (steps, *shape), are written in the last one.
    path
        Where to write, without the ending.
    messages
        Type to keep the messages in.
    states
        Names of the states, at most three, that ``ports`` will be connected to, in order.
    """

    def __init__(
        self, *, shape: tuple[int, ...], steps: int, path: str, messages: str, states: tuple
    ) -> None:
        super().__init__(shape=shape, steps=steps, path=path, messages=messages, states=states)
        self.spikes = InPort(shape=shape)

    @property
    def ports(self) -> tuple[RefPort, ...]:
        """Return the ports that read states: none."""
        return ()


class StateRecorder(Recorder):
    """Keep too what arrives at the population, and its states after the step, as int32."""

    def __init__(
        self, *, shape: tuple[int, ...], steps: int, path: str, messages: str, states: tuple
    ) -> None:
        super().__init__(shape=shape, steps=steps, path=path, messages=messages, states=states)
        self.a = InPort(shape=shape)
        self.first = RefPort(shape=shape)
        self.second = RefPort(shape=shape)
        self.third = RefPort(shape=shape)

    @property
    def ports(self) -> tuple[RefPort, ...]:
        """Return the ports that read states."""
        return self.first, self.second, self.third


class _KeepingModel(PyLoihiProcessModel):
    """What both models do: copy each step into its row, and save after the last step."""

    spikes: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: dict) -> None:
        super().__init__(proc_params)
        self.steps, self.path = proc_params["steps"], proc_params["path"]
        self.states = proc_params["states"]
        self.kept: dict[str, np.ndarray] = {}

    def keep(self, kind: str, values: np.ndarray, dtype: str = "int32") -> None:
        """Copy ``values`` into the row of this time step."""
        if kind not in self.kept:
            self.kept[kind] = np.zeros((self.steps, *self.proc_params["shape"]), dtype)
        self.kept[kind][self.time_step - 1] = values
        if self.time_step == self.steps:
            np.save(f"{self.path}.{kind}.npy", self.kept[kind])

    def run_spk(self) -> None:
        """Keep the messages of this step."""
        self.keep("spikes", self.spikes.recv(), self.proc_params["messages"])


@implements(proc=Recorder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyRecorderModel(_KeepingModel):
    """Keep messages."""


@implements(proc=StateRecorder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyStateRecorderModel(_KeepingModel):
    """Keep messages and input, and read states in the management phase, when all are done."""

    a: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    first: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    second: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    third: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        """Keep the messages of this step and what arrived in it."""
        super().run_spk()
        self.keep("a", self.a.recv())

    def post_guard(self) -> bool:
        """Ask Lava for a management phase in every step if there are states."""
        return bool(self.states)

    def run_post_mgmt(self) -> None:
        """Keep the states of this step."""
        for state, port in zip(self.states, (self.first, self.second, self.third), strict=False):
            self.keep(state, port.read())
