"""Layers of snnTorch and sinabs, known by their classes' names; tests/peers runs the real ones."""

import numpy as np
import pytest
import torch
from torch import nn

from hwsim.errors import CheckError, UnsupportedError
from hwsim.neurons import Cuba, CubaLateReset, CubaRefractory, Gate, LeakyIntegrator, MultiSpike
from hwsim.program import Readout
from snnexport import capture
from snnexport.interpret import interpret


def of(package, name, **attributes):
    """Return a module that looks like the framework's class ``name``."""
    kind = type(name, (nn.Module,), {"__module__": f"{package}.layers"})
    module = kind()
    for attribute, value in attributes.items():
        setattr(module, attribute, value)
    return module


STATE_FUNCTIONS = {
    rule: type(rule, (), {"__name__": f"_base_{short}"})()
    for rule, short in (("subtract", "sub"), ("zero", "zero"), ("none", "int"))
}


def snntorch(name, rule="subtract", late=True, **attributes):
    """Return a layer of snnTorch with the attributes that all have."""
    given = {
        "beta": torch.tensor(0.75),
        "alpha": torch.tensor(0.5),
        "threshold": torch.tensor(2.0),
        "graded_spikes_factor": torch.tensor(1.0),
        "reset_mechanism_val": torch.tensor(list(STATE_FUNCTIONS).index(rule)),
        "state_function": STATE_FUNCTIONS[rule],
        "reset_delay": late,
        "spike_grad": lambda x: (x > 0).float(),
        "inhibition": False,
        "state_quant": False,
        "init_hidden": True,
        "output": False,
    }
    return of("snntorch", name, **(given | attributes))


class SingleSpike:
    """Named as sinabs names it."""


class MembraneSubtract:
    """Named as sinabs names it."""

    subtract_value = None


class MembraneReset:
    """Named as sinabs names it."""

    reset_value = 0.0


def sinabs(name="LIF", spikes=SingleSpike, resets=None, **attributes):
    """Return a layer of sinabs with the attributes that all have."""
    given = {
        "alpha_mem_calculated": torch.tensor(0.75),
        "alpha_syn_calculated": None,
        "norm_input": False,
        "spike_fn": spikes,
        "reset_fn": resets or MembraneSubtract(),
        "spike_threshold": torch.tensor(2.0),
        "min_v_mem": None,
    }
    return of("sinabs", name, **(given | attributes))


def layer_of(module, *shape):
    """Return the layer that ``module`` is captured as, for frames of ``shape``."""
    return capture(
        nn.Sequential(module), torch.zeros(3, 1, *(shape or (5,))), checked=False
    ).layers[0]


@pytest.mark.parametrize(
    ("name", "rule", "late", "kind"),
    [
        ("Leaky", "zero", True, Cuba),
        ("Synaptic", "zero", True, CubaRefractory),
        ("Synaptic", "zero", False, Cuba),
        ("Leaky", "subtract", True, CubaLateReset),
        ("Leaky", "none", False, CubaLateReset),
    ],
)
def test_a_reset_of_snntorch_is_the_neuron_that_does_the_same(name, rule, late, kind):
    neuron = layer_of(snntorch(name, rule, late)).neuron
    assert isinstance(neuron, kind)
    assert (neuron.decay_v, neuron.threshold) == (0.25, 2.0)
    assert neuron.decay_u == (0.5 if name == "Synaptic" else 1.0)
    assert getattr(neuron, "decrement", 2.0) == (0.0 if rule == "none" else 2.0)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (snntorch("Leaky", "subtract", late=False), "subtracts at once"),
        (snntorch("Leaky", inhibition=True), "0: inhibition: no chip"),
        (snntorch("Leaky", graded_spikes_factor=torch.tensor([1.0, 2.0])), "graded_spikes_factor"),
        (snntorch("Leaky", spike_grad=lambda x: (x >= 0).float()), "above the threshold"),
        (snntorch("Leaky", reset_mechanism_val=torch.tensor(1)), "after the layer was made"),
        (snntorch("Alpha"), "snnTorch's Alpha is not supported .known: Leaky, RLeaky"),
        (sinabs(resets=MembraneReset(), min_v_mem=-1.0), "min_v_mem: a chip resets to 0 after"),
        (sinabs(spikes=MembraneReset), "fires by MembraneReset"),
        (sinabs("ExpLeak", min_v_mem=-1.0), "an integrator has no lower bound"),
        (sinabs("IAFRecurrent", rec_connect=nn.Linear(5, 5)), "0.recurrent: has a bias"),
    ],
)
def test_what_no_chip_computes_is_refused_by_its_name(layer, words):
    with pytest.raises(CheckError, match=words):
        layer_of(layer)


def test_all_that_is_refused_is_listed_with_its_path():
    network = nn.Sequential(snntorch("Alpha"), nn.Sequential(sinabs("ALIF")))
    with pytest.raises(
        CheckError, match=r"2 problem.*\n.*0: snnTorch's Alpha.*\n.*1\.0: sinabs's ALIF"
    ):
        capture(network, torch.zeros(3, 1, 5))


def test_parameters_are_spread_over_neurons_as_torch_spreads_them():
    columns, channels = torch.tensor([0.5, 0.25, 0.75]), torch.tensor([1.0, 2.0]).reshape(2, 1, 1)
    neuron = layer_of(snntorch("Leaky", beta=columns, threshold=channels), 2, 3, 3).neuron
    assert np.array_equal(neuron.decay_v, np.broadcast_to([0.5, 0.75, 0.25], (2, 3, 3)))
    assert np.array_equal(neuron.threshold, [1.0, 2.0])
    with pytest.raises(Exception, match=r"shape \(4,\) beside neurons of shape \(2, 3, 3\)"):
        layer_of(snntorch("Leaky", beta=torch.ones(4)), 2, 3, 3)


def test_decays_beyond_their_range_are_clamped_as_snntorch_clamps_them():
    neuron = layer_of(snntorch("Leaky", beta=torch.tensor([1.5, -0.5, 0.5, 0.0, 1.0]))).neuron
    assert np.array_equal(neuron.decay_v, [0.0, 1.0, 0.5, 1.0, 0.0])


def test_the_bias_of_a_feedback_enters_in_every_step_beside_that_of_the_weights():
    forward, back = nn.Linear(2, 2), nn.Linear(2, 2)
    with torch.no_grad():
        forward.bias.copy_(torch.tensor([2.0, 0.0]))
        back.weight.copy_(torch.tensor([[0.0, 0.0], [-4.0, 0.0]]))
        back.bias.copy_(torch.tensor([1.0, 1.0]))
    layer = snntorch("RLeaky", recurrent=back, all_to_all=True, beta=torch.tensor(1.0))
    graph = capture(nn.Sequential(forward, layer), torch.zeros(3, 1, 2))
    found = interpret(graph, np.zeros((3, 1, 2)))
    assert found.voltages["1"][:, 0].tolist() == [[3, 1], [4, -2], [5, -5]]
    assert back.bias is not None


def test_each_neurons_own_feedback_has_its_own_weight():
    own = torch.tensor([1.0, -2.0])
    way = of("snntorch", "RecurrentOneToOne", V=own)
    layer = snntorch("RSynaptic", recurrent=way, all_to_all=False, alpha=torch.tensor(0.0))
    found = interpret(capture(nn.Sequential(layer), torch.zeros(2, 1, 2)), np.full((2, 1, 2), 4.0))
    assert found.voltages["0"][1, 0].tolist() == [3 + 4 + 1 - 2, 3 + 4 - 2 - 2]


def test_a_layer_that_keeps_its_states_hands_on_spikes_alone():
    graph = capture(nn.Sequential(snntorch("Leaky"), nn.Linear(5, 2)), torch.zeros(3, 1, 5))
    assert [layer.name for layer in graph.layers] == ["0", "output"]


class Answers(nn.Module):
    """Returns what ``pick`` makes of spikes and voltage."""

    def __init__(self, rule, pick, name="Leaky", **feedback):
        super().__init__()
        self.layer = snntorch(name, rule, init_hidden=False, **feedback)
        self.pick = pick

    def forward(self, x):
        spikes, voltages = self.layer(x)
        return self.pick(spikes, voltages)


def test_the_voltage_of_neurons_without_a_reset_is_an_answer():
    graph = capture(Answers("none", lambda _, mem: mem), torch.zeros(3, 1, 5))
    assert graph.readout is Readout.VOLTAGE
    assert graph.layers[0].neuron == LeakyIntegrator(decay_u=1.0, decay_v=0.25, bias=0.0)


@pytest.mark.parametrize(
    ("rule", "pick"),
    [
        ("subtract", lambda _, mem: mem),
        ("none", lambda spikes, mem: spikes + mem),
        ("none", lambda _, mem: 2 * mem),
    ],
)
def test_other_voltages_are_no_answer(rule, pick):
    with pytest.raises(UnsupportedError, match="computes with its state"):
        capture(Answers(rule, pick), torch.zeros(3, 1, 5))


def test_a_voltage_with_feedback_is_no_answer_for_that_hears_spikes():
    back = {"recurrent": nn.Linear(5, 5), "all_to_all": True}
    with pytest.raises(UnsupportedError, match="computes with its state"):
        capture(Answers("none", lambda _, mem: mem, "RLeaky", **back), torch.zeros(3, 1, 5))


def test_spikes_are_the_answer_where_voltages_follow_them():
    graph = capture(Answers("none", lambda spikes, mem: (spikes, mem)), torch.zeros(3, 1, 5))
    assert isinstance(graph.layers[0].neuron, CubaLateReset)


def test_a_loop_over_time_inside_forward_is_told_apart():
    network = Answers("none", lambda spikes, _: spikes)
    network.pick = lambda *_: network.layer.init_leaky()
    with pytest.raises(UnsupportedError, match="write forward for one time step"):
        capture(network, torch.zeros(3, 1, 5))


def test_leaks_and_gains_of_sinabs_are_those_of_a_step():
    layer = layer_of(sinabs(alpha_syn_calculated=torch.tensor(0.5), norm_input=True))
    assert (layer.neuron.decay_u, layer.neuron.decay_v) == (0.5, 0.25)
    assert layer.norm.gain.tolist() == [0.125] * 5
    assert not layer.inclusive
    assert layer_of(sinabs()).norm is None


def test_several_spikes_of_sinabs_are_a_message_up_to_its_largest():
    several = of("sinabs", "MaxSpike", max_num_spikes_per_bin=3)
    bounded = layer_of(sinabs(spikes=several, min_v_mem=torch.tensor(-1.5))).neuron
    assert (bounded.most, bounded.lowest, bounded.decrement) == (3, -1.5, 2.0)
    unbounded = layer_of(sinabs(spikes=type("MultiSpike", (), {}))).neuron
    assert unbounded.most == 255
    single = layer_of(sinabs()).neuron
    assert isinstance(single, MultiSpike)
    assert single.most == 1


def test_a_reset_to_zero_of_sinabs_fires_where_the_threshold_is_reached():
    layer = layer_of(sinabs(resets=MembraneReset()))
    assert isinstance(layer.neuron, Cuba)
    assert layer.inclusive


def test_a_sum_pool_of_sinabs_adds_up_and_nothing_of_the_network_is_changed():
    pool = of("sinabs", "SumPool2d", kernel_size=2, stride=None, ceil_mode=False)
    spiking = nn.Sequential(pool, of("sinabs", "Repeat", module=nn.Flatten()), sinabs())
    network = of("sinabs", "Network", spiking_model=spiking)
    before = list(spiking)
    graph = capture(network, torch.zeros(3, 1, 1, 4, 4))
    x = np.arange(48.0).reshape(3, 1, 1, 4, 4)
    assert interpret(graph, x).voltages["2"][0, 0].tolist() == [10, 18, 42, 50]
    assert list(spiking) == before


def test_one_spike_a_step_of_sinabs_can_be_pooled_by_its_maximum():
    graph = capture(nn.Sequential(sinabs(), nn.MaxPool2d(2)), torch.zeros(3, 1, 1, 4, 4))
    assert [type(layer.neuron) for layer in graph.layers] == [MultiSpike, Gate]


def test_an_average_may_have_a_divisor_of_its_own():
    network = nn.Sequential(nn.AvgPool2d(2, divisor_override=8), sinabs())
    graph = capture(network, torch.zeros(3, 1, 1, 2, 2))
    assert interpret(graph, np.ones((3, 1, 1, 2, 2))).voltages["1"][0, 0].tolist() == [[[0.5]]]


def test_a_class_made_from_a_frameworks_is_read_as_that_unless_it_replaces_a_method():
    stands = snntorch("Leaky")
    plain = type("Mine", (type(stands),), {"__module__": "mine", "more": lambda self: 1})()
    other = type("Other", (type(stands),), {"__module__": "mine", "forward": lambda self, x: x})()
    for module in (plain, other):
        vars(module).update(vars(stands))
    graph = capture(nn.Sequential(nn.Linear(3, 2), plain), torch.zeros(4, 1, 3))
    assert type(graph.layer("1").neuron) is CubaLateReset
    with pytest.raises(CheckError, match=r"1: it replaces forward of snnTorch's Leaky"):
        capture(nn.Sequential(nn.Linear(3, 2), other), torch.zeros(4, 1, 3))


class Once(nn.Module):
    """Calls what it holds as ``how`` says."""

    def __init__(self, how):
        super().__init__()
        self.fc, self.lif, self.how = nn.Linear(3, 3), snntorch("Leaky"), how

    def forward(self, x):
        return self.how(self, x)


def test_neurons_that_stand_at_two_places_are_refused_as_they_share_their_state():
    lif = snntorch("Leaky")
    network = nn.Sequential(nn.Linear(3, 3), lif, nn.Linear(3, 3), lif)
    with pytest.raises(CheckError, match=r"1: is called more than once in a step"):
        capture(network, torch.zeros(4, 1, 3))


def test_what_neurons_are_given_beside_their_input_is_their_state_or_refused():
    for other in (lambda m, x: m.lif(m.fc(x), x), lambda m, x: m.lif(m.fc(x), m.fc(x))):
        with pytest.raises(UnsupportedError, match=r"lif: forward gives it .*, which is not its"):
            capture(Once(other), torch.zeros(4, 1, 3))
    assert capture(Once(lambda m, x: m.lif(m.fc(x), None)), torch.zeros(4, 1, 3)).layers


def test_a_method_that_was_set_on_a_module_is_not_overlooked():
    lif = snntorch("Leaky")
    lif.forward = lambda x: x
    with pytest.raises(CheckError, match=r"0: it replaces forward of snnTorch's Leaky"):
        capture(nn.Sequential(lif), torch.zeros(4, 1, 3))


def test_buffers_that_a_forward_counts_in_stay_as_they_were():
    def counting(m, x):
        m.seen.add_(1)
        return m.lif(m.fc(x))

    network = Once(counting)
    network.register_buffer("seen", torch.zeros(1))
    capture(network, torch.zeros(4, 1, 3), checked=False)
    assert network.seen.item() == 0


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"spike_threshold": torch.tensor(-1.0)}, "spike_threshold = -1: above 0"),
        ({"min_v_mem": torch.tensor(0.5)}, "min_v_mem = 0.5: up to 0"),
    ],
)
def test_values_of_sinabs_that_no_register_holds_are_refused(attributes, words):
    with pytest.raises(CheckError, match=words):
        capture(nn.Sequential(sinabs(**attributes)), torch.zeros(4, 1, 3))
