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
    from snntrain.encode import direct
    from snntrain.layers import Readout, Spiking, recorded, spiking_layers, unroll
    from snntrain.neurons import INTEGER, Real, Surrogate
    from snntrain.norms import CurrentNorm, TimeScaledNorm, freeze_time
    from snntrain.recipe import Recipe

__getattr__ = lazy(
    "snntrain",
    {
        "_evaluate": ("Evaluation", "evaluate"),
        "_fit": ("fit",),
        "checkpoint": ("Checkpoint",),
        "data": ("Dataset", "load", "parse_selector"),
        "delays": ("Delay",),
        "encode": ("direct",),
        "layers": ("Readout", "Spiking", "recorded", "spiking_layers", "unroll"),
        "neurons": ("INTEGER", "Real", "Surrogate"),
        "norms": ("CurrentNorm", "TimeScaledNorm", "freeze_time"),
        "recipe": ("Recipe",),
    },
)

__all__ = [
    "INTEGER", "Checkpoint", "CurrentNorm", "Dataset", "Delay", "Evaluation", "Readout", "Real",
    "Recipe", "Spiking", "Surrogate", "TimeScaledNorm", "direct", "evaluate", "fit", "freeze_time",
    "load", "parse_selector", "recorded", "spiking_layers", "unroll",
]  # fmt: skip
