"""Losses on outputs over time, against their formulas and torch's own."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from snntrain import LOSSES

OUTPUTS = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]])  # (T, B, classes)


def test_rate_loss_is_zero_only_when_the_right_class_alone_spikes_in_every_step():
    labels = torch.tensor([0])
    losses = [
        LOSSES["rate"](torch.tensor(outputs)[:, None], labels).item()
        for outputs in ([[1.0, 0], [1, 0]], [[0.0, 1], [0, 1]], [[1.0, 1], [0, 0]])
    ]
    assert losses == [0, 2, 0.5]


def test_count_loss_takes_spike_counts_for_logits():
    counts = torch.tensor([[2.0, 0.0], [1.0, 1.0]])
    labels = torch.tensor([0, 1])
    assert LOSSES["count"](OUTPUTS, labels) == cross_entropy(counts, labels)


def test_membrane_loss_does_not_grow_with_the_number_of_steps():
    labels = torch.tensor([1, 1])
    once, twice = (LOSSES["membrane"](x, labels) for x in (OUTPUTS, OUTPUTS.repeat(2, 1, 1)))
    assert once == twice == cross_entropy(OUTPUTS.mean(dim=0), labels)


def test_tet_averages_the_loss_of_every_step_and_pulls_to_the_threshold():
    labels = torch.tensor([0, 1])
    right, wrong = math.log(1 + math.exp(-1)), math.log(1 + math.exp(1))
    expected = 0.95 * (3 * right + wrong) / 4 + 0.05 * 0.5
    assert LOSSES["tet"](OUTPUTS, labels).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_prefers_the_label(name):
    labels = torch.tensor([0, 0])
    right = torch.zeros(4, 2, 2)
    right[..., 0] = 1
    assert LOSSES[name](right, labels) < LOSSES[name](right.flip(-1), labels)


def surprise(logits, label):
    """The cross-entropy of one sample in plain Python."""
    return math.log(sum(math.exp(x) for x in logits)) - logits[label]


def slow(name, outputs, labels):
    """A loss of lists (T, B, classes), sample by sample and step by step."""
    steps, found = len(outputs), []
    for sample, label in enumerate(labels):
        train = [step[sample] for step in outputs]
        sums = [sum(values) for values in zip(*train, strict=True)]
        means = [x / steps for x in sums]
        if name == "rate":
            found.append(sum((x - (k == label)) ** 2 for k, x in enumerate(means)))
        elif name == "tet":
            each = sum(surprise(step, label) for step in train) / steps
            pull = sum((x - 1) ** 2 for step in train for x in step) / (steps * len(sums))
            found.append(0.95 * each + 0.05 * pull)
        else:
            found.append(surprise(sums if name == "count" else means, label))
    return sum(found) / len(found)


@settings(deadline=None, derandomize=True, database=None, max_examples=25)
@given(seed=st.integers(0, 9999), steps=st.integers(1, 5), batch=st.integers(1, 4),
       classes=st.integers(2, 5))  # fmt: skip
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_the_mean_over_samples_of_its_sum_step_by_step(name, seed, steps, batch, classes):
    generator = torch.Generator().manual_seed(seed)
    outputs = 3 * torch.randn(steps, batch, classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (batch,), generator=generator)
    expected = slow(name, outputs.tolist(), labels.tolist())
    # sums of fewer than 100 floats in another order
    assert LOSSES[name](outputs, labels).item() == pytest.approx(expected, abs=1e-10)
