"""The learning rules a recipe may name; a new one is a file beside this and a line here."""

from snntrain.rules.base import Batch, Objective, Rule, Step
from snntrain.rules.surrogate import SurrogateGradient

RULES: dict[str, type[Rule]] = {
    "surrogate": SurrogateGradient,
}

__all__ = ["RULES", "Batch", "Objective", "Rule", "Step", "SurrogateGradient"]
