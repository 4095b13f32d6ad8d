"""What capture() cannot read: refused by name, all at once."""

from __future__ import annotations

import pytest
import torch
from networks import Behind, Residual, Written
from torch import nn
from torch.nn import functional

from hwsim.errors import CheckError, RangeError, UnsupportedError
from snnexport import capture
from snntrain import TimeScaledNorm
from snntrain.delays import Delay
from snntrain.layers import Spiking


@pytest.fixture
def example():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 17, (5, 6, 1, 8, 8), generator=generator).double()


class Unsupported(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3, padding_mode="circular"), Spiking(4))
        self.norm = nn.BatchNorm2d(4, track_running_stats=False)
        self.pool = nn.MaxPool2d(2)
        self.two = nn.Sequential(nn.LayerNorm(36), nn.Linear(36, 5))
        self.timed = Spiking(5, norm=TimeScaledNorm(5, 5))
        self.out = Spiking(5, recurrent=nn.Linear(5, 5))

    def forward(self, x):
        x = torch.relu(self.pool(self.norm(self.features(x)))).flatten(1)
        return self.out(self.timed(self.two(x)) * x[:, :5])


def test_all_that_is_not_supported_is_listed_at_once_with_its_path(example):
    with pytest.raises(CheckError) as caught:
        capture(Unsupported(), example.float())
    for part in (
        "features.0: padding_mode = 'circular'",
        "norm: normalises with the statistics of each batch",
        "pool: takes maxima of what is not spikes",
        "relu (relu): is not supported",
        "two.0: LayerNorm",
        "getitem (getitem): is not supported",
        "mul (mul): multiplies or compares what is not spikes",
        "timed: its normalisation changes from step to step (TimeScaledNorm); snntrain.freeze_time",
        "out.recurrent: has a bias",
    ):
        assert [line for line in caught.value.problems if line.startswith(part)], part
    assert len(caught.value.problems) == 9
    assert caught.value.hint


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (lambda a, b, x: (a + 1) * b, "multiplies or compares what is not spikes"),
        (lambda a, b, x: (a + b) * b, "multiplies or compares what is not spikes"),
        (lambda a, b, x: (1 - a) * (1 - b), "multiplies or compares what is not spikes"),
        (lambda a, b, x: torch.maximum(a, 1 - b), "multiplies or compares what is not spikes"),
        (lambda a, b, x: a * b.amax((2, 3), keepdim=True), "multiplies .* of one shape"),
        (lambda a, b, x: a * functional.max_pool2d(b, 8), "multiplies .* of one shape"),
        (lambda a, b, x: functional.max_pool2d(a - 0.5, 2), "takes maxima of what is not spikes"),
        (lambda a, b, x: functional.max_pool2d(a + b, 2), "takes maxima of what is not spikes"),
        (lambda a, b, x: functional.max_pool2d(a, 3, 2, ceil_mode=True), "max: has dilation, ceil"),
        (lambda a, b, x: functional.avg_pool2d(a, 3, 2, ceil_mode=True), "only plain averages"),
        (lambda a, b, x: functional.adaptive_avg_pool2d(a, 3), "windows differ"),
        (lambda a, b, x: functional.dropout(a, 0.5), "drops values in evaluation"),
        (lambda a, b, x: torch.add(a, b, alpha=2), "only plain sums"),
        (lambda a, b, x: a + b.mean((2, 3), keepdim=True), "adds shapes"),
        (lambda a, b, x: a.mean(2), "only means over all positions"),
        (lambda a, b, x: a.mean(1), "only means over all positions"),
        (lambda a, b, x: a.sum((2, 3)), r"sum.*\(sum\): is not supported"),
        (lambda a, b, x: a.flatten(2), "only flattening to one axis"),
        (lambda a, b, x: torch.cat([a, b], 2), "concatenates along axis 2"),
        (lambda a, b, x: torch.cat([a, b], 0), "concatenates along axis 0"),
        (lambda a, b, x: a + torch.ones(8), "forward reads a tensor of its own; let a layer hold"),
        (lambda a, b, x: a * x.shape[-1], "mul .*: is not supported"),
        (lambda a, b, x: a + x.shape[-1], "add .*: is not supported"),
        (lambda a, b, x: a.unsqueeze(1), "unsqueeze .*: is not supported"),
        (Behind(nn.Linear(8, 8)), "module: Linear on shape"),
        pytest.param(
            Behind(nn.Conv2d(4, 4, 4, padding="same")),
            "padding = 'same' needs odd kernels",
            marks=pytest.mark.filterwarnings("ignore:Using padding='same'"),
        ),
        (Behind(nn.Sequential(nn.Conv2d(4, 4, 1), Delay(1))), "delays a constant"),
        (Behind(nn.ReLU()), "is not supported"),
    ],
)
def test_nothing_is_dropped_silently(example, written, message):
    with pytest.raises(CheckError, match=message):
        capture(Written(written).double(), example)


def test_an_output_of_several_tensors_is_refused(example):
    class Two(nn.Module):
        def forward(self, x):
            return x, x

    with pytest.raises(CheckError, match="forward must return one tensor"):
        capture(Two(), example.float())


def test_a_weight_that_is_not_a_number_is_named(example):
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), Spiking(3))
    module[1].weight.data[0, 0] = torch.nan
    with pytest.raises(CheckError, match="1: weight is not finite"):
        capture(module, example.float())


def test_a_population_that_is_called_twice_in_a_step_is_refused(example):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.spike = Spiking(1)

        def forward(self, x):
            return self.spike(self.spike(x))

    with pytest.raises(CheckError, match="spike: is called more than once in a step"):
        capture(Twice(), example.float())


def test_control_flow_on_data_is_refused_by_name(example):
    class Branching(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(UnsupportedError, match="Branching: forward cannot be traced"):
        capture(Branching(), example.float())


def test_a_loop_over_time_in_forward_is_refused_in_plain_words(example):
    class Looping(nn.Module):
        def forward(self, x):
            return torch.stack([frame * 2 for frame in x])

    with pytest.raises(UnsupportedError) as caught:
        capture(Looping(), example.float())
    said = "Looping: forward cannot be traced: it holds a loop over a tensor, over time perhaps"
    assert caught.value.message == said
    assert "write forward for one time step" in caught.value.hint


def test_a_batch_size_written_into_forward_is_refused_by_name(example):
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(64, 3)

        def forward(self, x):
            return self.fc(x.view(6, 64))

    with pytest.raises(UnsupportedError, match="forward fails on a single sample"):
        capture(Fixed(), example.float())


def test_a_second_input_is_refused(example):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.spike = Spiking(1)

        def forward(self, x, y=None):
            return self.spike(x if y is None else x + y)

    with pytest.raises(UnsupportedError, match="Two: forward fails on a frame of shape"):
        capture(Two(), example.float())


def test_a_frame_of_a_wrong_shape_is_one_clear_error(example):
    with pytest.raises(UnsupportedError, match=r"frame of shape \(6, 3, 8, 8\)"):
        capture(Residual(), torch.zeros(2, 6, 3, 8, 8))


@pytest.mark.parametrize("shape", [(5, 6), (0, 6, 4), (5, 0, 4)])
def test_an_example_without_time_or_samples_is_refused(shape):
    with pytest.raises(RangeError, match=r"is not \(T, B"):
        capture(Spiking(4), torch.zeros(shape))


class Alternating(nn.Module):
    """Reads another population in every second call."""

    def __init__(self, head):
        super().__init__()
        self.a, self.b, self.head = Spiking(1), Spiking(1), head
        self.calls = 0

    def forward(self, x):
        spikes = [self.a(x), self.b(2 * x)]
        self.calls += 1
        return self.head(spikes[self.calls % 2])


@pytest.mark.parametrize(
    ("head", "where"), [(Spiking(1), "head"), (nn.Conv2d(1, 1, 3), "what forward returns")]
)
def test_a_forward_that_differs_from_call_to_call_is_caught(example, head, where):
    with pytest.raises(CheckError, match=r"the symbolic trace and torch.export") as caught:
        capture(Alternating(head), example.float())
    (problem,) = caught.value.problems
    assert problem.startswith(f"{where}: reads ['b'] in the trace, ['a']")
