"""Optimizers and schedules that a recipe names."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from snntrain import Recipe
from snntrain._optim import FIRST, LAST, RISE, SCHEDULES, cosine, one_cycle, optimizer_of
from snntrain.recipe import Optimizer, Schedule


def test_one_cycle_is_the_schedule_of_torch():
    updates = 40
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, updates, cycle_momentum=False)
    for update in range(updates):
        # torch counts its phases in updates, from 0 to 0.3 * 40 - 1 and to 40 - 1
        peak = RISE * updates - 1
        rising = update / peak * RISE
        falling = RISE + (update - peak) / (updates - 1 - peak) * (1 - RISE)
        ours = one_cycle(rising if update <= peak else falling)
        assert ours == pytest.approx(theirs.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (Schedule.ONE_CYCLE, {0.0: FIRST, RISE / 2: (FIRST + 1) / 2, RISE: 1.0, 1.0: LAST}),
        (Schedule.COSINE, {0.0: 1.0, 1 / 3: 0.75, 0.5: 0.5, 2 / 3: 0.25, 1.0: 0.0}),
        (Schedule.CONSTANT, {0.0: 1.0, 0.5: 1.0, 1.0: 1.0}),
    ],
)
def test_a_schedule_passes_through_its_ends_and_its_middle(schedule, rates):
    found = {fraction: SCHEDULES[schedule](fraction) for fraction in rates}
    assert found == pytest.approx(rates, abs=1e-12)  # a few roundings of float64


def test_every_schedule_and_optimizer_that_a_recipe_may_name_is_there(tiny_text):
    assert SCHEDULES.keys() == set(Schedule)
    assert SCHEDULES[Schedule.COSINE] is cosine
    settings = replace(Recipe.from_text(tiny_text, "tiny").train, weight_decay=0.25)
    kinds = {
        Optimizer.ADAM: torch.optim.Adam,
        Optimizer.ADAMW: torch.optim.AdamW,
        Optimizer.SGD: torch.optim.SGD,
    }
    assert kinds.keys() == set(Optimizer)
    for name, kind in kinds.items():
        made = optimizer_of([nn.Parameter(torch.zeros(1))], replace(settings, optimizer=name))
        assert type(made) is kind
        assert made.defaults["weight_decay"] == 0.25
        assert made.defaults.get("momentum", 0.9) == 0.9
