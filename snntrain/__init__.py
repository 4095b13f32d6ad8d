"""snntrain: train deep spiking networks with surrogate gradients, on the machine's own equations.

Names are imported on first use, so that the command line starts without torch.
"""

from typing import TYPE_CHECKING

from hwsim.lazy import lazy

if TYPE_CHECKING:
    from snntrain._evaluate import Evaluation, evaluate
    from snntrain._fit import fit
    from snntrain.checkpoint import Checkpoint
    from snntrain.data import Dataset, load, parse_selector
    from snntrain.delays import Delay
    from snntrain.dynamics import over_time, using
    from snntrain.encode import direct
    from snntrain.layers import Readout, Reset, Spiking, recorded, spiking_layers, unroll
    from snntrain.losses import LOSSES
    from snntrain.neurons import INTEGER, Real
    from snntrain.norms import CurrentNorm, TimeScaledNorm, freeze_time
    from snntrain.recipe import Recipe
    from snntrain.rules import RULES, Rule, Step
    from snntrain.surrogates import (
        SURROGATES,
        ATan,
        FastSigmoid,
        Gaussian,
        Rectangle,
        Sigmoid,
        Surrogate,
        Triangle,
    )  # fmt: skip

__getattr__ = lazy(
    "snntrain",
    {
        "_evaluate": ("Evaluation", "evaluate"),
        "_fit": ("fit",),
        "checkpoint": ("Checkpoint",),
        "data": ("Dataset", "load", "parse_selector"),
        "delays": ("Delay",),
        "encode": ("direct",),
        "dynamics": ("over_time", "using"),
        "layers": ("Readout", "Reset", "Spiking", "recorded", "spiking_layers", "unroll"),
        "losses": ("LOSSES",),
        "neurons": ("INTEGER", "Real"),
        "norms": ("CurrentNorm", "TimeScaledNorm", "freeze_time"),
        "recipe": ("Recipe",),
        "rules": ("RULES", "Rule", "Step"),
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
    "INTEGER", "LOSSES", "RULES", "SURROGATES", "ATan", "Checkpoint", "CurrentNorm", "Dataset",
    "Delay", "Evaluation", "FastSigmoid", "Gaussian", "Readout", "Real", "Recipe", "Rectangle",
    "Reset", "Rule", "Sigmoid", "Spiking", "Step", "Surrogate", "TimeScaledNorm", "Triangle",
    "direct", "evaluate", "fit", "freeze_time", "load", "over_time", "parse_selector", "recorded",
    "spiking_layers", "unroll", "using",
]  # fmt: skip
