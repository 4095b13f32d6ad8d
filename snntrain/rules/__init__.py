"""The learning rules a recipe may name; a new one is a file beside this and a line here."""

from snntrain.rules.base import Batch, Objective, Rule, Step
from snntrain.rules.membrane import MembranePotential
from snntrain.rules.neighborhood import NeighborhoodAggregation
from snntrain.rules.soft_lif import SoftLif
from snntrain.rules.spike_train import SpikeTrainLevel
from snntrain.rules.surrogate import SurrogateGradient

RULES: dict[str, type[Rule]] = {
    "surrogate": SurrogateGradient,
    "membrane": MembranePotential,
    "neighborhood": NeighborhoodAggregation,
    "soft-lif": SoftLif,
    "spike-train": SpikeTrainLevel,
}
"""The learning rules by the name that a recipe gives them."""

__all__ = [
    "RULES", "Batch", "MembranePotential", "NeighborhoodAggregation", "Objective", "Rule",
    "SoftLif", "SpikeTrainLevel", "Step", "SurrogateGradient",
]  # fmt: skip
