"""Which networks are a chain of weights and neurons."""

import pytest
from torch import nn

from snntrain import Delay, Readout, Spiking
from snntrain.rules.chain import chain, ending


def spiking(channels, recurrent=None):
    return Spiking(channels, norm=False, recurrent=recurrent)


def dense(before, after):
    return nn.Linear(before, after, bias=False)


def test_populations_come_in_forward_order_each_with_its_weights():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.output, self.last = spiking(2), dense(3, 2)
            self.spike, self.first = spiking(3), dense(4, 3)
            self.flatten = nn.Flatten()

        def forward(self, x):
            return self.output(self.last(self.flatten(self.spike(self.first(self.flatten(x))))))

    module = Backwards()
    links, problems = chain(module)
    assert problems == []
    assert links == [
        ("spike", module.first, module.spike),
        ("output", module.last, module.output),
    ]
    assert ending(module) is module.output


def test_recurrence_is_part_of_a_chain_where_it_is_asked_for():
    module = nn.Sequential(dense(2, 3), spiking(3, recurrent=dense(3, 3)))
    assert chain(module, recurrent=True)[1] == []
    assert chain(module)[1] == ["1: hears its own spikes"]


class Sum(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.spike, self.second = dense(2, 2), spiking(2), dense(2, 2)
        self.output = spiking(2)

    def forward(self, x):
        return self.output(self.second(self.spike(self.first(x)) + x))


@pytest.mark.parametrize(
    ("module", "problems"),
    [
        ([nn.Linear(2, 3), spiking(3)], ["0: has a bias"]),
        ([dense(2, 3), Spiking(3)], ["1: has a normalisation; use norm=False"]),
        ([spiking(3)], ["0: is Spiking, not Flatten or Linear", "output: comes from no"]),
        ([dense(2, 3), dense(3, 3), spiking(3)], ["1: is Linear, not Spiking", "2: is Spiking"]),
        ([dense(2, 3), Readout(3)], ["1: is Readout, not Spiking", "output: comes from no"]),
        ([dense(2, 3), spiking(3), dense(3, 2)], ["output: comes from no population"]),
        ([nn.Conv2d(1, 1, 1), dense(2, 3), spiking(3)], ["0: is Conv2d, not Flatten or Linear"]),
        ([Delay(1), dense(2, 3), spiking(3)], ["0: is Delay, not Flatten or Linear"]),
        ([Sum()], ["add: does not read", "add: is <built-in function add>"]),
        (
            [dense(2, 3), spiking(3, recurrent=nn.Linear(3, 3))],
            ["1: hears its own spikes through what is no Linear without bias"],
        ),
    ],
)
def test_what_is_no_part_of_a_chain_is_named(module, problems):
    _, found = chain(nn.Sequential(*module), recurrent=True)
    assert [f[: len(p)] for f, p in zip(found, problems, strict=False)] == problems
    assert found


def test_a_network_that_ends_in_no_layer_has_no_ending():
    class Doubled(nn.Module):
        def forward(self, x):
            return x + x

    assert ending(Doubled()) is None
