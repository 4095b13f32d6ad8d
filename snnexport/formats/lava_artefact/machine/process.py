"""The machine's neurons as Lava Processes: each model calls the neuron's own ``step``.

They stand in where stock Lava has no fixed-point model, no periodic reset, or one register for a
whole population. A folder of its own, because Lava imports every .py file beside a Process class.
Written by spikeport; Python 3.10, lava-nc 0.10.0.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from hwsim.arith import Integer
from hwsim.neurons import NEURONS


class Neurons(AbstractProcess):
    """A population of one of ``hwsim.neurons.NEURONS``, whose states are Vars of their names.

    Parameters
    ----------
    name
        Name of the population.
    shape
        Its shape as Lava has it: (W, H, C) or (n,).
    registers
        By name, each one integer or an array that broadcasts against ``shape``.
    reset_interval, reset_offset
        All states become 0 at the start of each time step t with ``t % reset_interval`` equal to
        ``reset_offset``; 0: never.
    """

    def __init__(
        self,
        *,
        name: str,
        shape: tuple[int, ...],
        registers: dict[str, Any],
        reset_interval: int = 0,
        reset_offset: int = 0,
    ) -> None:
        kind = type(self).__name__
        reset = {"interval": reset_interval, "offset": reset_offset}
        super().__init__(name=name, shape=shape, kind=kind, registers=registers, reset=reset)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        for state in NEURONS[kind].STATE:
            setattr(self, state, Var(shape=shape, init=0))


class _Model(PyLoihiProcessModel):
    """Take a step of the machine in 64-bit integers; states and messages fit 32 bits after it."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: dict) -> None:
        super().__init__(proc_params)
        values = {k: np.asarray(v, np.int64) for k, v in proc_params["registers"].items()}
        self.neuron = NEURONS[proc_params["kind"]](**values)
        self.interval = proc_params["reset"]["interval"]
        self.offset = proc_params["reset"]["offset"]

    def run_spk(self) -> None:
        """Receive, advance by the neuron's equation, send."""
        x = self.a_in.recv().astype(np.int64) << self.neuron.INPUT_SHIFT
        names = tuple(self.neuron.STATE)
        if self.interval and self.time_step % self.interval == self.offset:
            for name in names:
                getattr(self, name)[:] = 0
        state = tuple(getattr(self, name).astype(np.int64) for name in names)
        messages, state = self.neuron.step(Integer(), state, x)
        for name, values in zip(names, state, strict=True):
            getattr(self, name)[:] = values
        self.s_out.send(messages)


def _define(kind: str) -> None:
    """Add the Process called ``kind`` and its model to this module, where Lava looks for them."""
    place = {"__module__": __name__}
    process = type(kind, (Neurons,), {**place, "__doc__": NEURONS[kind].__doc__})
    states = {state: LavaPyType(np.ndarray, np.int32) for state in NEURONS[kind].STATE}
    model = type(f"Py{kind}Model", (_Model,), {**place, **states})
    model = implements(proc=process, protocol=LoihiProtocol)(requires(CPU)(tag("fixed_pt")(model)))
    globals().update({kind: process, model.__name__: model})


for _kind in NEURONS:
    _define(_kind)
