"""What a recipe's ``[hardware]`` asks of a training run before it starts, and while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from hwsim.errors import raise_all
from snntrain.data import Dataset
from snntrain.hardware import Deployment, Target, compare
from snntrain.recipe import Precision, Recipe
from snntrain.start import Start


@dataclass(frozen=True)
class OnChip:
    """What a run knows of the chip its network is bound for; nothing, if it is for none.

    compare: says how many spikes of a network of integers on a sequence (T, B, *shape) are those
    of hwsim: all, or it raises CheckError. fan_outs: by layer, the synapses that each neuron
    drives; only if operations are penalised.
    """

    compare: Callable[[nn.Module, Tensor], int] | None = None
    fan_outs: Mapping[str, Tensor] = field(default_factory=dict)


def bound_for_chip(
    recipe: Recipe,
    module: nn.Module,
    start: Start | None,
    train: Dataset,
    target: Target | None,
) -> tuple[nn.Module, OnChip]:
    """Return what trains, of integers if the recipe says so, and what is known of its chip.

    Raises CheckError listing everything that keeps ``module`` off the chip of the recipe.
    """
    hardware = recipe.hardware
    if hardware is None:
        lacking = ["train.synops_penalty: needs [hardware]"] * (recipe.train.synops_penalty > 0)
        raise_all("recipe", lacking, hint="name the chip whose synaptic operations count")
        return module, OnChip()
    found = _missing(recipe, start, target)
    raise_all("recipe", found, hint="change [hardware], or leave it out and look at it at export")
    assert target is not None
    steps, (low, high) = recipe.train.steps, train.extent(recipe.train.steps)
    deployment = Deployment(hardware, steps, train.shape, low, high)
    on_chip = f"recipe on chip {hardware.chip}"
    raise_all(on_chip, target.problems(module, deployment), hint="change [net] or the chip")
    counted = target.fan_outs(module, deployment) if recipe.train.synops_penalty else {}
    fan_outs = {name: torch.from_numpy(array).float() for name, array in counted.items()}
    if not hardware.trains_integers:
        return module, OnChip(fan_outs=fan_outs)
    hardened = target.harden(module, deployment)
    return hardened, OnChip(partial(compare, target, deployment), fan_outs)


def _missing(recipe: Recipe, start: Start | None, target: Target | None) -> list[str]:
    """List what a recipe bound for a chip lacks."""
    found = []
    if target is None:
        found.append("hardware: fit has no way to the chip; pass target=snnexport.harden")
    if not recipe.trains_integers:
        return found
    if start is None:
        found.append(
            "hardware.train = 'integer': starts from a trained network of reals; pass init (--init)"
        )
    if recipe.train.precision is not Precision.FLOAT32:
        found.append("hardware.train = 'integer': needs precision 'float32', which holds integers")
    return found
