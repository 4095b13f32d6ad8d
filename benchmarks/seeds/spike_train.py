"""ST-RSBP: recurrent against feed-forward on digits; on speech against the surrogate gradient."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seeds.common import accuracy_on_test, at_least, mean, noted, trained

DIGITS = "spike_train: 64-50-10 on digits, 60 steps"
SPEECH = "spike_train: 32-100-10 on Free Spoken Digits, 60 steps"
FEED_FORWARD = {"recurrent = true": "recurrent = false"}
SURROGATE = {
    'name = "spike-train"\ndesired = 12\nundesired = 2\nmargin = 2': 'name = "surrogate"',
    'optimizer = "adam"': 'optimizer = "adam"\nloss = "count"',
}
COMPARED = range(5)
"""Seeds of the comparison of networks, as the figure to reach asks for five."""


def rows(root: Path | None, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Train, and test once; speech is trained with the first of ``seeds`` alone."""
    seeds = list(seeds)
    recurrent = {seed: on_test("spike_train", seed, root) for seed in {*seeds, *COMPARED}}
    forward = mean(on_test("spike_train", seed, root, FEED_FORWARD) for seed in COMPARED)
    compared = mean(recurrent[seed] for seed in COMPARED)
    speech = on_test("spike_train_speech", seeds[0], root)
    surrogate = on_test("spike_train_speech", seeds[0], root, SURROGATE)
    return [
        at_least(DIGITS, "accuracy", mean(recurrent[seed] for seed in seeds), 0.91),
        noted(DIGITS, "accuracy of the feed-forward network, 5 seeds", forward),
        at_least(DIGITS, "accuracy, 5 seeds", compared, forward),
        noted(SPEECH, "accuracy", speech),
        noted(SPEECH, "accuracy of the surrogate gradient", surrogate),
    ]


def on_test(
    name: str, seed: int, root: Path | None, changes: dict[str, str] | None = None
) -> float:
    """Return the accuracy on the test split of the recipe ``name``, trained with ``seed``."""
    return accuracy_on_test(trained(name, seed, root, changes), root)
