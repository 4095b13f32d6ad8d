"""Modules of Norse become what Norse computes, or are refused by name."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from foreign import foreign
from torch import nn

from hwsim.errors import CheckError, UnsupportedError
from hwsim.neurons import Cuba, CubaSubtract, LeakyIntegrator
from snnexport import capture

EXAMPLE = torch.zeros(4, 1, 6)
LEAKY = {"tau_mem_inv": 0.25, "tau_syn_inv": 0.5, "v_th": 1.0, "v_leak": 0.0, "v_reset": 0.0}


def cell(name, *, reset="reset_value", **parameters):
    """Return a layer of Norse's neurons; it loses an eighth of v and a quarter of i in a step."""
    p = SimpleNamespace(**LEAKY | parameters, reset_method=SimpleNamespace(__name__=reset))
    return foreign("norse", name, p=p, dt=0.5)


def chain(*modules, return_hidden=False):
    """Return a SequentialState."""
    rest = {"base": nn.Sequential, "return_hidden": return_hidden}
    return foreign("norse", "SequentialState", *modules, **rest)


def refused(module, example=EXAMPLE):
    with pytest.raises(CheckError) as caught:
        capture(module, example)
    return "\n".join(caught.value.problems)


def test_a_neuron_is_seen_from_the_voltage_at_which_it_starts_and_ends():
    (layer,) = capture(cell("LIFCell", v_th=0.5, v_leak=-0.25, v_reset=-0.25), EXAMPLE).layers
    assert layer.neuron == Cuba(decay_u=0.25, decay_v=0.125, threshold=0.75, bias=0.0)
    assert not layer.inclusive
    assert np.array_equal(layer.norm.gain, np.full(6, 0.125))
    assert not layer.norm.offset.any()


def test_an_integrate_and_fire_neuron_starts_at_its_reset():
    (layer,) = capture(cell("IAFCell", v_th=1.0, v_reset=-0.5, v_leak=9.0), EXAMPLE).layers
    assert layer.neuron == Cuba(decay_u=1.0, decay_v=0.0, threshold=1.5, bias=0.0)
    assert layer.norm is None


def test_a_box_can_subtract_its_threshold_whatever_its_reset_voltage():
    box = cell("LIFBoxCell", reset="reset_subtract", v_reset=0.5)
    (layer,) = capture(box, EXAMPLE).layers
    assert layer.neuron == CubaSubtract(decay_u=1.0, decay_v=0.125, threshold=1.0, bias=0.0)


def test_parameters_belong_to_the_neurons_that_torch_gives_them():
    thresholds = torch.tensor([1.0, 2.0, 3.0])[:, None, None]
    (layer,) = capture(cell("LIFBoxCell", v_th=thresholds), torch.zeros(4, 1, 3, 3, 3)).layers
    assert layer.neuron.threshold.tolist() == [1.0, 2.0, 3.0]


def test_a_recurrent_cell_reads_its_own_spikes_a_step_late_by_weights_of_their_own():
    module, given, back = cell("LIFRecurrentCell"), torch.rand(5, 6), torch.rand(5, 5)
    module.input_weights, module.recurrent_weights = given, back
    (layer,) = capture(module, EXAMPLE).layers
    first, second = layer.edges
    assert (first.late, second.late) == (0, 1)
    assert np.array_equal(first.stages[0].weight, given.double().numpy())
    assert np.array_equal(second.stages[0].weight, back.double().numpy())
    assert second.stages[1].weight.tolist() == [0.125] * 5  # the gain of a late edge


def test_over_time_a_flatten_behind_time_is_one_behind_the_batch():
    lifted = foreign("norse", "Lift", lifted_module=nn.Conv2d(1, 2, 3), is_stateful=False)
    modules = lifted, cell("LIF"), nn.Flatten(2), nn.Linear(32, 3), cell("LI")
    graph = capture(chain(*modules), torch.zeros(4, 1, 1, 6, 6))
    assert [layer.shape for layer in graph.layers] == [(2, 4, 4), (3,)]
    assert [type(layer.neuron) for layer in graph.layers] == [Cuba, LeakyIntegrator]


def test_a_flatten_between_cells_keeps_its_axes():
    module = chain(nn.Flatten(2), cell("LIFCell"))
    assert "reshapes (3, 2, 2) to (3, 1, 4)" in refused(module, torch.zeros(4, 1, 3, 2, 2))


class Stepping(nn.Module):
    """One step, as people write it: states are looked up, handed on and returned."""

    def __init__(self):
        super().__init__()
        self.first, self.second = cell("LIFCell"), chain(nn.Linear(6, 3), cell("LICell"))

    def forward(self, x, state=None):
        first, second = (None, None) if state is None else (state.first, state[1])
        spikes, first = self.first(x, first)
        voltages, second = self.second(spikes, second)
        return voltages, [first, second]


def test_states_that_forward_hands_on_are_no_part_of_the_network():
    graph = capture(Stepping(), EXAMPLE)
    assert [layer.name for layer in graph.layers] == ["first", "second.1"]
    assert [edge.source for edge in graph.layers[1].edges] == ["first"]


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (cell("LIFCell", v_leak=0.5), "LIFCell: starts at v_leak = 0.5, is reset to v_reset = 0;"),
        (cell("LIFBoxCell", v_leak=0.5), "LIFBoxCell: starts at v_leak = 0.5"),
        (cell("LIFBoxCell", v_leak=0.5, reset="reset_subtract"), "LIFBoxCell: v_leak = 0.5;"),
        (cell("LIFBoxCell", reset="mine"), "LIFBoxCell: reset_method = mine;"),
        (cell("LIFCell", tau_syn_inv=4.0), r"LIFCell: dt \* tau_syn_inv = 2;"),
        (cell("LIFCell", tau_mem_inv=-1.0), r"LIFCell: dt \* tau_mem_inv = -0.5;"),
        (cell("IAFCell", v_th=-1.0), "IAFCell: v_th = -1 is below v_reset = 0;"),
        (cell("LICell", v_leak=0.5), "LICell: v_leak = 0.5;"),
        (cell("LSNNCell"), "Norse's LSNNCell is not supported"),
        (chain(cell("LIFCell"), return_hidden=True), "SequentialState: return_hidden=True"),
        (
            chain(*(foreign("norse", "Lift", is_stateful=True) for _ in range(2))),
            "a Lift hands its last state to the Lift behind it",
        ),
    ],
)
def test_what_a_chip_does_not_compute_is_refused_by_name(module, reason):
    assert re.search(reason, refused(nn.Sequential(module)))


def test_voltages_are_read_only_at_the_end():
    modules = cell("LICell"), nn.Linear(6, 3), cell("LIFCell")
    assert "2: reads voltages of 0, which never fires" in refused(chain(*modules))


class Stepped(nn.Module):
    """Calls a cell as ``how`` says."""

    def __init__(self, how):
        super().__init__()
        self.cell, self.how = cell("LIFCell"), how

    def forward(self, x, state=None):
        return self.how(self.cell, x, state)


def test_a_cell_that_is_called_without_its_state_is_refused_as_it_begins_at_rest():
    kept = Stepped(lambda inner, x, state: inner(x, state)[0])
    assert [layer.name for layer in capture(kept, EXAMPLE).layers] == ["cell"]
    for lost in (lambda inner, x, _: inner(x)[0], lambda inner, x, _: inner(x, None)[0]):
        with pytest.raises(UnsupportedError, match=r"cell: is called without its state"):
            capture(Stepped(lost), EXAMPLE)


def test_a_layer_that_stands_twice_in_a_chain_is_there_twice():
    shared = nn.Linear(6, 6)
    twice = chain(shared, cell("LIFCell"), shared, cell("LIFCell"))
    layers = capture(twice, EXAMPLE).layers
    assert [edge.source for layer in layers for edge in layer.edges] == ["input", layers[0].name]
    assert all(len(layer.edges[0].stages) == 1 for layer in layers)
