"""ST-RSBP: recurrent against feed-forward on digits; on speech against the surrogate gradient."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seeds.common import accuracy_on_test, at_least, mean, noted, trained, where_found

DIGITS = "spike_train: 64-50-10 on digits, 60 steps"
SPEECH = "spike_train: 32-100-10 on Free Spoken Digits, 30 steps"
FEED_FORWARD = {"recurrent = true": "recurrent = false"}
SURROGATE = {
    'name = "spike-train"\ndesired = 8\nundesired = 1\nmargin = 1': 'name = "surrogate"',
    "learning_rate = 0.005": 'learning_rate = 0.003\nclip_norm = 1.0\nloss = "count"',
}
"""On the same network and coding, each rule with the rate, 0.003 or 0.005, that validates better.
Synapses and voltages remember, so the gradient of a step adds up over time and echoes: it explodes
unless the surrogate is narrow beside the threshold, by the recipe's ``slope``, and limited."""
COMPARED = range(5)
"""Seeds of the comparison of networks, as the figure to reach asks for five."""


def rows(root: Path | None, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Train, and test once; speech is trained with the first of ``seeds`` alone."""
    seeds = list(seeds)
    return digits(root, seeds) + where_found("fsdd", root, lambda: speech(root, seeds[0]))


def digits(root: Path | None, seeds: list[int]) -> list[dict[str, Any]]:
    """Return the accuracy on images, and how it compares with that of a network without echoes."""
    recurrent = {seed: on_test("spike_train", seed, root) for seed in {*seeds, *COMPARED}}
    forward = mean(on_test("spike_train", seed, root, FEED_FORWARD) for seed in COMPARED)
    compared = mean(recurrent[seed] for seed in COMPARED)
    return [
        at_least(DIGITS, "accuracy", mean(recurrent[seed] for seed in seeds), 0.91),
        noted(DIGITS, "accuracy of the feed-forward network, 5 seeds", forward),
        at_least(DIGITS, "accuracy, 5 seeds", compared, forward),
    ]


def speech(root: Path | None, seed: int) -> list[dict[str, Any]]:
    """Return the accuracies on recordings: both networks, and the recurrent one's by surrogate."""
    forward = on_test("spike_train_speech", seed, root, FEED_FORWARD)
    surrogate = on_test("spike_train_speech", seed, root, SURROGATE)
    return [
        at_least(SPEECH, "accuracy", on_test("spike_train_speech", seed, root), forward),
        noted(SPEECH, "accuracy of the feed-forward network", forward),
        noted(SPEECH, "accuracy of the surrogate gradient", surrogate),
    ]


def on_test(
    name: str, seed: int, root: Path | None, changes: dict[str, str] | None = None
) -> float:
    """Return the accuracy on the test split of the recipe ``name``, trained with ``seed``."""
    return accuracy_on_test(trained(name, seed, root, changes), root)
