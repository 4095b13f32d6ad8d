"""hwsim: what a Loihi-style chip computes, in integers, and what that costs.

Names are imported on first use, so that ``hwsim.arith`` and ``hwsim.neurons`` need NumPy alone.
"""

from typing import TYPE_CHECKING

from hwsim.lazy import lazy

if TYPE_CHECKING:
    from hwsim.chip import Chip, load_chip
    from hwsim.counts import Counts, count
    from hwsim.energy import Report, price
    from hwsim.neurons import NEURONS, Cuba
    from hwsim.program import Connection, Input, Population, Program, Readout
    from hwsim.simulate import Record, Run, run
    from hwsim.synapses import Conv2d, Dense, SumPool2d
    from hwsim.trace import Trace

__getattr__ = lazy(
    "hwsim",
    {
        "chip": ("Chip", "load_chip"),
        "counts": ("Counts", "count"),
        "energy": ("Report", "price"),
        "neurons": ("NEURONS", "Cuba"),
        "program": ("Connection", "Input", "Population", "Program", "Readout"),
        "simulate": ("Record", "Run", "run"),
        "synapses": ("Conv2d", "Dense", "SumPool2d"),
        "trace": ("Trace",),
    },
)

__all__ = [
    "NEURONS", "Chip", "Connection", "Conv2d", "Counts", "Cuba", "Dense", "Input", "Population",
    "Program", "Readout", "Record", "Report", "Run", "SumPool2d", "Trace", "count", "load_chip",
    "price", "run",
]  # fmt: skip
