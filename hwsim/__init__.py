"""hwsim: what a Loihi-style chip computes, in integers, and what that costs.

Names are imported on first use, so that ``hwsim.arith`` and ``hwsim.neurons`` need NumPy alone.
"""

from typing import TYPE_CHECKING

from hwsim.lazy import lazy

if TYPE_CHECKING:
    from hwsim._report.diff import diff
    from hwsim.blanking import blanked
    from hwsim.chip import Chip, load_chip
    from hwsim.cost_report import Ran, full_report
    from hwsim.counts import Counts, count
    from hwsim.energy import Report, price
    from hwsim.errors import SpikeportError
    from hwsim.loads import StepLoads, step_loads
    from hwsim.mapping import Mapping, map_program
    from hwsim.neurons import (
        NEURONS,
        Cuba,
        CubaLateReset,
        CubaRefractory,
        CubaSubtract,
        Delta,
        Gate,
        GradedRelay,
        LeakyIntegrator,
        MultiSpike,
        Sigma,
        SigmaDelta,
        Ternary,
    )
    from hwsim.program import Blank, Connection, Input, Population, Program, Readout
    from hwsim.simulate import Record, Run, run
    from hwsim.synapses import Conv2d, Dense, Sparse, SumPool2d
    from hwsim.trace import Trace

__getattr__ = lazy(
    "hwsim",
    {
        "_report.diff": ("diff",),
        "blanking": ("blanked",),
        "chip": ("Chip", "load_chip"),
        "counts": ("Counts", "count"),
        "energy": ("Report", "price"),
        "errors": ("SpikeportError",),
        "cost_report": ("Ran", "full_report"),
        "loads": ("StepLoads", "step_loads"),
        "mapping": ("Mapping", "map_program"),
        "neurons": (
            "NEURONS", "Cuba", "CubaLateReset", "CubaRefractory", "CubaSubtract", "Delta", "Gate",
            "GradedRelay", "LeakyIntegrator", "MultiSpike", "Sigma", "SigmaDelta", "Ternary",
        ),
        "program": ("Blank", "Connection", "Input", "Population", "Program", "Readout"),
        "simulate": ("Record", "Run", "run"),
        "synapses": ("Conv2d", "Dense", "Sparse", "SumPool2d"),
        "trace": ("Trace",),
    },
)  # fmt: skip

__all__ = [
    "NEURONS", "Blank", "Chip", "Connection", "Conv2d", "Counts", "Cuba", "CubaLateReset",
    "CubaRefractory", "CubaSubtract", "Delta", "Dense", "Gate", "GradedRelay", "Input",
    "LeakyIntegrator", "Mapping", "MultiSpike", "Population", "Program", "Ran", "Readout",
    "Record", "Report", "Run", "Sigma", "SigmaDelta", "Sparse", "SpikeportError", "StepLoads",
    "SumPool2d", "Ternary", "Trace", "blanked", "count", "diff", "full_report", "load_chip",
    "map_program", "price", "run", "step_loads",
]  # fmt: skip
