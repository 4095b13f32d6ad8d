"""What keeps a network off a chip is listed all at once, whichever stage finds it."""

from dataclasses import replace

import pytest
import torch
from architectures import KINDS, checkpoint
from torch import nn

from hwsim import load_chip
from hwsim.errors import CheckError, RangeError
from snnexport import Calibration, capture, problems, stages
from snnexport.passes import compose as composing
from snntrain.layers import Spiking

IMAGES = torch.zeros(4, 1, 1, 8, 8)


class Wrong(nn.Module):
    """Two layers that nothing captures, a threshold that vanishes, an input that Loihi 1 lacks."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.first = Spiking(4)
        self.act = nn.GELU()
        self.body = nn.Conv2d(4, 4, 3, padding=1)
        self.second = Spiking(4)
        self.scale = nn.LayerNorm(256)
        self.head = nn.Linear(256, 5)
        self.third = Spiking(5)
        self.last = nn.Linear(5, 3)
        self.out = Spiking(3, threshold=1e-9, norm=False)

    def forward(self, x):
        x = self.second(self.body(self.act(self.first(self.stem(x)))))
        return self.out(self.last(self.third(self.head(self.scale(x.flatten(1))))))


class Shared(nn.Module):
    """One convolution, flattened into two layers without a Linear behind it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)
        self.first, self.second = Spiking(64), Spiking(64)

    def forward(self, x):
        current = self.conv(x).flatten(1)
        return self.second(self.first(current) + current)


def test_problems_of_capture_quantization_and_chip_are_listed_together():
    found = problems(Wrong(), load_chip("loihi1"), IMAGES, Calibration(-3, 16))
    assert [line.partition(": ")[0] for line in found] == ["act", "scale", "out", "input->first"]
    assert "GELU" in found[0]
    assert "what can be captured: Spiking" in found[0]
    assert "LayerNorm" in found[1]
    assert "threshold rounds to 0 in 3 of 3 values" in found[2]
    assert "message = -3 does not fit 0.." in found[3]


def test_everything_that_a_stage_would_raise_is_listed():
    with pytest.raises(CheckError) as caught:
        capture(Wrong(), IMAGES)
    found = problems(Wrong(), load_chip("loihi2"), IMAGES)
    assert all(any(line.startswith(p) for line in found) for p in caught.value.problems)


@pytest.mark.parametrize("name", KINDS)
def test_a_network_has_no_problems_exactly_if_it_can_be_exported(name):
    network, chip = checkpoint(name), load_chip("loihi2")
    found = problems(network, chip)
    if found:
        with pytest.raises(CheckError) as caught:
            stages(network, chip, name=name)
        assert set(found) >= set(caught.value.problems)
    else:
        stages(network, chip, name=name)


class Pooled(nn.Module):
    """Sums of overlapping windows, which Loihi 1 cannot send, and a threshold that vanishes."""

    def __init__(self):
        super().__init__()
        self.stem, self.first = nn.Conv2d(1, 4, 3, padding=1), Spiking(4)
        self.pool = nn.AvgPool2d(3, 2, 1)
        self.body, self.second = nn.Conv2d(4, 4, 3, padding=1), Spiking(4)
        self.head, self.out = nn.Linear(64, 2), Spiking(2, threshold=1e-9, norm=False)

    def forward(self, x):
        x = self.second(self.body(self.pool(self.first(self.stem(x)))))
        return self.out(self.head(x.flatten(1)))


def test_a_sum_that_the_chip_cannot_send_does_not_hide_what_is_wrong_elsewhere():
    first, second = problems(Pooled(), load_chip("loihi1"), IMAGES)
    assert "chip loihi1 has no graded relay" in first
    assert second.startswith("out: threshold rounds to 0")
    assert [second] == problems(Pooled(), load_chip("loihi2"), IMAGES)


def test_a_checkpoint_is_checked_for_the_input_that_it_saw_in_training():
    network = replace(checkpoint(next(iter(KINDS))), calibration={"input": [-5, 16]})
    (found,) = problems(network, load_chip("loihi1"))
    assert "message = -5 does not fit 0.." in found


def test_a_problem_of_a_module_that_several_layers_share_is_listed_once(monkeypatch):
    monkeypatch.setattr(composing, "LARGEST_MATRIX", 64 * 64 - 1)
    (found,) = problems(Shared(), load_chip("loihi2"), IMAGES)
    assert found.startswith("conv: as a matrix behind its flattening")


def test_a_module_needs_an_example_and_what_cannot_be_traced_is_one_problem():
    class Branches(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(RangeError, match="Branches: no example"):
        problems(Branches(), load_chip("loihi2"))
    (line,) = problems(Branches(), load_chip("loihi2"), IMAGES)
    assert "cannot be traced" in line
    assert "write forward for one time step" in line


def test_check_leaves_the_module_as_it_was():
    module = Wrong().train()
    before = {name: t.clone() for name, t in module.state_dict().items()}
    problems(module, load_chip("loihi2"), IMAGES)
    assert module.training
    assert all(torch.equal(t, before[name]) for name, t in module.state_dict().items())
