"""snntrain: train deep spiking networks with surrogate gradients, on the machine's own equations.

Names are imported on first use, so that the command line starts without torch.
"""

from typing import TYPE_CHECKING

from hwsim.lazy import lazy

if TYPE_CHECKING:
    from snntrain._evaluate import Evaluation, evaluate
    from snntrain._fit import fit
    from snntrain._watch import DivergedError, SpikeportWarning
    from snntrain.checkpoint import Checkpoint
    from snntrain.data import Dataset, load, parse_selector
    from snntrain.delays import Delay, LearnedDelay, sharpen_delays
    from snntrain.dynamics import over_time, using
    from snntrain.encode import delta, direct, frames_by_count, frames_by_time, latency, rate
    from snntrain.events import read_events
    from snntrain.layers import Readout, Reset, Spiking, recorded, spiking_layers, unroll
    from snntrain.losses import LOSSES
    from snntrain.neurons import INTEGER, Real
    from snntrain.norms import CurrentNorm, TimeScaledNorm, freeze_time, threshold_norm
    from snntrain.recipe import Recipe
    from snntrain.rules import RULES, Batch, Objective, Rule, Step
    from snntrain.rules.calibrate import Calibrated, calibrate_surrogate
    from snntrain.surrogates import (
        SURROGATES,
        ATan,
        FastSigmoid,
        Gaussian,
        Rectangle,
        Sigmoid,
        Surrogate,
        Triangle,
    )

__getattr__ = lazy(
    "snntrain",
    {
        "_evaluate": ("Evaluation", "evaluate"),
        "_fit": ("fit",),
        "_watch": ("DivergedError", "SpikeportWarning"),
        "checkpoint": ("Checkpoint",),
        "data": ("Dataset", "load", "parse_selector"),
        "delays": ("Delay", "LearnedDelay", "sharpen_delays"),
        "dynamics": ("over_time", "using"),
        "encode": ("delta", "direct", "frames_by_count", "frames_by_time", "latency", "rate"),
        "events": ("read_events",),
        "layers": ("Readout", "Reset", "Spiking", "recorded", "spiking_layers", "unroll"),
        "losses": ("LOSSES",),
        "neurons": ("INTEGER", "Real"),
        "norms": ("CurrentNorm", "TimeScaledNorm", "freeze_time", "threshold_norm"),
        "recipe": ("Recipe",),
        "rules": ("RULES", "Batch", "Objective", "Rule", "Step"),
        "rules.calibrate": ("Calibrated", "calibrate_surrogate"),
        "surrogates": (
            "SURROGATES",
            "ATan",
            "FastSigmoid",
            "Gaussian",
            "Rectangle",
            "Sigmoid",
            "Surrogate",
            "Triangle",
        ),
    },
)

__all__ = [
    "INTEGER", "LOSSES", "RULES", "SURROGATES", "ATan", "Batch", "Calibrated", "Checkpoint",
    "CurrentNorm", "Dataset", "Delay", "DivergedError", "Evaluation", "FastSigmoid", "Gaussian",
    "LearnedDelay", "Objective", "Readout", "Real", "Recipe", "Rectangle", "Reset", "Rule",
    "Sigmoid", "SpikeportWarning", "Spiking", "Step", "Surrogate", "TimeScaledNorm", "Triangle",
    "calibrate_surrogate", "delta", "direct", "evaluate", "fit", "frames_by_count",
    "frames_by_time", "freeze_time", "latency", "load", "over_time", "parse_selector", "rate",
    "read_events", "recorded", "sharpen_delays", "spiking_layers", "threshold_norm", "unroll",
    "using",
]  # fmt: skip
