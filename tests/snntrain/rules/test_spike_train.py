"""ST-RSBP against sums over single spikes, its count model and finite trains, and on the chip."""

from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from torch import nn

from hwsim import load_chip, run
from hwsim.errors import CheckError, SpikeportError
from hwsim.neurons import CubaRefractory
from snnexport import stages
from snntrain import FastSigmoid, Readout, Real, Recipe, Reset, Spiking, evaluate, fit, load, unroll
from snntrain.layers import recorded
from snntrain.rules import SpikeTrainLevel, spike_train
from snntrain.rules.spike_response import count_slopes, delayed, potentials, windows

STEPS = 60
DECAYS = {"decay_u": 1 / 8, "decay_v": 1 / 64}
RULE = SpikeTrainLevel(desired=12, undesired=2, margin=2)
LABELS = torch.tensor([0, 1, 2])
RECIPE = """
[data]
name = "digits"
encoder = "rate"
[net]
kind = "dense"
input_shape = [1, 8, 8]
classes = 10
hidden = [30]
recurrent = true
decay_u = 0.125
decay_v = 0.015625
threshold = 3.0
refractory = 2
[train]
steps = 30
epochs = 4
batch_size = 32
learning_rate = 0.02
optimizer = "adam"
[rule]
name = "spike-train"
desired = 8
undesired = 1
margin = 1
"""


def population(size, *, recurrent=False, refractory=2, threshold=2.0, **changes):
    feedback = nn.Linear(size, size, bias=False) if recurrent else None
    settings = {**DECAYS, "norm": False, "threshold": threshold, "recurrent": feedback}
    return Spiking(size, **{**settings, "refractory": refractory, **changes}).double()


def chain_of(*sizes, recurrent=True, **settings):
    """Return Linear, Spiking, ...; all populations but the last hear themselves."""
    torch.manual_seed(0)
    layers = []
    for i, (m, n) in enumerate(pairwise(sizes), 1):
        feedback = recurrent and i + 1 < len(sizes)
        linear = nn.Linear(m, n, bias=False).double()
        layers += [linear, population(n, recurrent=feedback, **settings)]
    return nn.Sequential(*layers)


def noise(size, seed=1, batch=3):
    random = torch.Generator().manual_seed(seed)
    return (torch.rand(STEPS, batch, size, generator=random) < 0.3).double()


def spike_by_spike(layer, source, train, refractory):
    """Return e_{i|j} (B, n, m) as the paper's code adds it up, with a state for each pair."""
    current = torch.zeros_like(source[0])
    shape = *train.shape[1:], source.shape[2]
    voltage, total, wait = torch.zeros(shape), torch.zeros(shape), torch.zeros(train.shape[1:])
    for incoming, fired in zip(source, train, strict=True):
        current = current * (1 - layer.decay_u) + incoming
        voltage = voltage * (1 - layer.decay_v) + current.unsqueeze(1)
        voltage = voltage * (wait == 0).unsqueeze(2)
        total = total + fired.unsqueeze(2) * voltage
        voltage = voltage * (1 - fired).unsqueeze(2)
        wait = torch.where(fired > 0, refractory, (wait - 1).clamp(min=0))
    return total


def effects(layer, source, train):
    return torch.einsum("tbi,tbj->bij", windows(layer, train), potentials(layer, source))


@torch.no_grad()
def trains_of(module, sequence):
    with recorded(module) as spikes:
        unroll(module, sequence)
    return {name: train.unflatten(0, (STEPS, -1)) for name, train in spikes.items()}


def gradients(module, sequence, labels=LABELS, rule=RULE):
    module.zero_grad()
    step = rule.backward(module, (sequence, labels), None)
    return step, {name: p.grad.clone() for name, p in module.named_parameters()}


@pytest.mark.parametrize("refractory", [0, 1, 3])
def test_windows_and_potentials_give_the_sum_over_spikes_of_every_pair(refractory):
    module = chain_of(20, 8, refractory=refractory)
    source = noise(20)
    train = trains_of(module, source)["1"]
    assert train.sum(dim=0).max() > 5
    assert train.sum(dim=0).min() == 0
    expected = spike_by_spike(module[1], source, train, refractory)
    assert torch.allclose(effects(module[1], source, train), expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weighted_s_psps_are_the_voltage_that_spikes_remove(dtype):
    module = chain_of(20, 8, 4)[:2].to(dtype)
    linear, layer = module
    source = noise(20).to(dtype)
    train = trains_of(module, source)["1"]
    neuron = CubaRefractory(**DECAYS, threshold=2.0, period=2)
    arithmetic = Real(FastSigmoid())
    spikes = torch.zeros(3, 8, dtype=dtype)
    state, removed = (spikes, spikes, spikes), torch.zeros_like(spikes)
    with torch.no_grad():
        for messages, expected in zip(source, train, strict=True):
            u, v, wait = state
            x = linear(messages) + layer.recurrent(spikes)
            reached = torch.where(wait > 0, v, v * (1 - 1 / 64) + u * (1 - 1 / 8) + x)
            spikes, state = neuron.step(arithmetic, state, x)
            assert torch.equal(spikes, expected)
            removed += spikes * reached
        total = (linear.weight * effects(layer, source, train)).sum(dim=2)
        total += (layer.recurrent.weight * effects(layer, delayed(train), train)).sum(dim=2)
    assert removed.max() > 20
    assert torch.allclose(total, removed, atol=1e-4, rtol=0)  # the figure


def test_the_neuron_is_the_papers_with_currents_in_other_units():
    # Reservoir.cu: v -= v / 64; p -= p / 8; p += w; v += p / 8; rests 2 steps; here in its order
    module = chain_of(20, 8)
    source = noise(20)
    train = trains_of(module, source)["1"]
    p = v = torch.zeros(3, 8).double()
    rest = torch.zeros(3, 8)
    for messages, expected in zip(source, train, strict=True):
        v = v - v / 64
        p = p - p / 8 + messages @ module[0].weight.detach().T
        v = v + p / 8
        v = v * (rest == 0)
        rest = (rest - 1).clamp(min=0)
        fired = v > 2.0 / 8
        v = v * ~fired
        rest = torch.where(fired, 2, rest)
        assert torch.equal(fired.double(), expected)


def counted(module, sequence, coupled):
    """Return the output counts by the paper's count model, S-PSPs and trains held fixed.

    It is differentiable in the weights; a population's count hands changes on, not its train,
    and with ``coupled`` also those by its own weights to itself.
    """
    trains, source = trains_of(module, sequence), sequence
    counts = sequence.sum(dim=0)
    for i in range(0, len(module), 2):
        linear, layer, train = module[i], module[i + 1], trains[str(i + 1)]
        own, threshold = train.sum(dim=0), layer.threshold

        def share(source, layer=layer, train=train, own=own):
            sent = source.sum(dim=0)
            heard = (own > 0).unsqueeze(2) & (sent > 0).unsqueeze(1)
            each = spike_by_spike(layer, source, train, 2) / sent.clamp(min=1).unsqueeze(1)
            return torch.where(heard, each, 0.5)

        local = (linear.weight * spike_by_spike(layer, source, train, 2)).sum(dim=2)
        passed = torch.einsum("ij,bij,bj->bi", linear.weight.detach(), share(source), counts)
        if layer.recurrent is not None:
            echo = delayed(train)
            weight = layer.recurrent.weight
            local = local + (weight * spike_by_spike(layer, echo, train, 2)).sum(dim=2)
            coupling = torch.eye(len(weight)) - weight.detach() * share(echo) / threshold
            echoed, alone = (local + passed, 0) if coupled else (passed, local)
            change = (torch.linalg.solve(coupling, echoed) + alone) / threshold
        else:
            change = (local + passed) / threshold
        counts, source = own + change - change.detach(), train
    return counts


@pytest.mark.parametrize("coupled", [False, True])
def test_gradients_are_those_of_the_count_model(coupled):
    module, sequence = chain_of(20, 12, 9, 4), noise(20)
    labels = torch.tensor([2, 1, 1])
    trains = trains_of(module, sequence)
    assert all(t.sum(dim=0).max() > 3 for t in trains.values())
    assert all((trains[n].sum(dim=0) == 0).any() for n in ("1", "3"))  # silent neurons take part
    assert trains["5"].sum(dim=0).gather(1, labels.view(-1, 1)).min() > 0
    rule = SpikeTrainLevel(desired=12, undesired=2, margin=2, coupled=coupled)
    step, found = gradients(module, sequence, labels, rule)
    counts = counted(module, sequence, coupled)
    wanted = torch.full((3, 4), 2.0).scatter(1, labels.view(-1, 1), 12.0)
    missed = counts - wanted
    loss = (missed * (missed.detach().abs() > 2)).square().sum(dim=1).mean() / 2
    module.zero_grad()
    loss.backward()
    assert step.loss == pytest.approx(loss.item())
    for name, parameter in module.named_parameters():
        assert found[name].abs().max() > 0
        assert torch.allclose(found[name], parameter.grad, rtol=1e-9, atol=1e-12), name


def test_errors_are_missing_spikes_and_none_within_the_margin():
    counts = torch.tensor([[12.0, 4.0, 5.0], [9.0, 0.0, 2.0], [15.0, 12.0, 0.0]])
    assert RULE.error(counts, torch.tensor([0, 0, 1])).tolist() == [
        [0.0, 0.0, 3.0],
        [-3.0, 0.0, 0.0],
        [13.0, 0.0, 0.0],
    ]


def test_a_silent_label_learns_as_if_it_had_spiked_as_often_as_desired():
    outputs = torch.zeros(STEPS, 2, 3)
    outputs[7, 1, 1] = 1
    taught = RULE.taught(outputs, torch.tensor([0, 1]), 2)
    assert taught[:, 0, 0].nonzero().flatten().tolist() == list(range(4, STEPS, 5))
    assert taught.sum() == 12 + 1
    assert torch.equal(taught[:, 1], outputs[:, 1])
    rested = RULE.taught(outputs, torch.tensor([0, 1]), 9)
    assert rested[:, 0, 0].nonzero().flatten().tolist() == list(range(9, STEPS, 10))


def test_the_error_of_a_silent_label_is_that_of_no_spikes():
    module, sequence = chain_of(20, 9, 4, recurrent=False), noise(20, batch=1)
    with torch.no_grad():
        module[2].weight[0] = -module[2].weight[0].abs()
    assert trains_of(module, sequence)["3"][:, 0, 0].sum() == 0
    step, found = gradients(module, sequence, torch.tensor([0]))
    assert step.loss >= 12**2 / 2
    heard = trains_of(module, sequence)["1"].sum(dim=(0, 1)) > 0
    assert heard.any()
    assert (found["2.weight"][0][heard] < 0).all()  # descent makes them larger


def test_gradients_are_means_over_samples_and_add_up():
    module, sequence = chain_of(20, 12, 4), noise(20)
    step, together = gradients(module, sequence)
    alone = [gradients(module, sequence[:, i : i + 1], LABELS[i : i + 1]) for i in range(3)]
    assert step.loss == pytest.approx(sum(s.loss.item() for s, _ in alone) / 3)
    for name, gradient in together.items():
        assert torch.allclose(gradient, sum(g[name] for _, g in alone) / 3)
    RULE.backward(module, (sequence, LABELS), None)
    RULE.backward(module, (sequence, LABELS), None)
    last = alone[-1][1]
    for name, parameter in module.named_parameters():
        assert torch.allclose(parameter.grad, last[name] + 2 * together[name])


def test_slopes_are_those_of_the_mean_over_all_trains_of_a_count():
    steps, refractory = 9, 1
    layer = population(1, refractory=refractory)
    means = []
    for count in range(1, 6):
        times = [t for t in combinations(range(steps), count) if all(np.diff(t) > refractory)]
        trains = torch.zeros(steps, len(times), 1).double()
        for i, t in enumerate(times):
            trains[list(t), i] = 1
        each = [
            effects(
                layer,
                torch.eye(steps).double()[:, [at]].expand(-1, len(times)).unsqueeze(2),
                trains,
            )
            for at in range(steps)
        ]
        means.append(torch.stack(each).mean().item())
    slopes = count_slopes(steps, layer.decay_u, layer.decay_v, refractory)
    exact = np.polynomial.Polynomial.fit(range(1, 6), means, 4).deriv()(np.arange(1, 6))
    assert len(slopes) == 6
    assert slopes[0] == 0
    # a quartic through five means of 1,000 draws each; their standard error is below 0.05
    assert np.allclose(slopes[1:], exact, atol=0.25)
    assert not np.allclose(exact, 0, atol=0.5)


def test_s_psps_grow_with_the_first_spikes_and_shrink_with_those_of_the_densest_trains():
    slopes = count_slopes(STEPS, 1 / 8, 1 / 64, 2)
    assert len(slopes) == 21  # 20 spikes: 0, 3, ..., 57
    assert (slopes[1:6] > 0).all()
    assert (slopes[8:] < 0).all()


def test_the_self_term_divides_by_what_a_count_does_to_its_own_s_psps():
    module, sequence = chain_of(20, 6, 4), noise(20)
    plain = gradients(module, sequence)[1]
    rule = SpikeTrainLevel(desired=12, undesired=2, margin=2, self_term=True)
    termed = gradients(module, sequence, rule=rule)[1]
    trains = trains_of(module, sequence)
    error = RULE.error(trains["3"].sum(dim=0), LABELS) / 2.0 / 3
    train = RULE.taught(trains["3"], LABELS, 2)
    slopes = count_slopes(STEPS, 1 / 8, 1 / 64, 2)
    with torch.no_grad():
        counts = train.sum(dim=0)
        drive = trains["1"].sum(dim=0) @ module[2].weight.T
        factors = 1 - slopes[counts.long()] * drive / 2.0
        effect = effects(module[3], trains["1"], train)
    for found, slope in ((plain, error), (termed, error / factors)):
        assert torch.allclose(found["2.weight"], torch.einsum("bi,bij->ij", slope, effect))
    assert not torch.allclose(plain["2.weight"], termed["2.weight"])


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([nn.Linear(4, 3), population(3)], "0: has a bias"),
        ([nn.Linear(4, 3, bias=False), Spiking(3)], "1: has a normalisation"),
        ([nn.Conv1d(4, 3, 1, bias=False), population(3)], "0: is Conv1d"),
        ([nn.Linear(4, 3, bias=False), Readout(3)], "1: is Readout"),
        (
            [nn.Linear(4, 3, bias=False), population(3, refractory=0, reset=Reset.SUBTRACT)],
            '1: keeps voltage at a spike; use reset = "zero"',
        ),
        (
            [nn.Linear(4, 3, bias=False), population(3, decay_v=torch.full((3,), 0.1))],
            "1: decay_v is a tensor",
        ),
        (
            [nn.Linear(4, 3, bias=False), population(3, threshold=1.5, learned=("threshold",))],
            "1: threshold is a tensor",
        ),
    ],
)
def test_what_s_psps_do_not_describe_is_refused_by_name(layers, message):
    assert message in "\n".join(RULE.refusals(nn.Sequential(*layers)))


def test_a_chain_of_recurrent_populations_is_not_refused():
    assert RULE.refusals(chain_of(5, 4, 3, 2)) == []


def test_a_recipe_with_a_loss_of_its_own_is_refused():
    with pytest.raises(CheckError, match=r"train.loss is set, which SpikeTrainLevel does not"):
        Recipe.from_text(RECIPE.replace("[rule]", 'loss = "count"\n[rule]'), "digits")


def test_what_it_trains_runs_on_the_chip_within_eight_bits():
    checkpoint = fit(Recipe.from_text(RECIPE, "digits"))
    data = load("digits", "validation", encoder="rate")
    learned = evaluate(checkpoint, data).accuracy
    assert learned >= 0.8
    program = stages(checkpoint, load_chip("loihi2"), name="digits").program
    spikes = data.sequences(slice(None), 30)
    # 8 bits cost at most 6 of 180 images
    assert (run(program, spikes).predictions == data.labels).mean() >= learned - 6 / 180


def test_a_singular_coupling_ends_in_a_named_error():
    feedback = nn.Linear(1, 1, bias=False)
    hidden = Spiking(1, norm=False, recurrent=feedback)
    network = nn.Sequential(nn.Linear(1, 1, bias=False), hidden, nn.Linear(1, 1, bias=False))
    network.append(Spiking(1, norm=False))
    with torch.no_grad():
        feedback.weight.fill_(1 / spike_train.SILENT)  # times the constant: the threshold
    silent = torch.zeros(3, 1, 1), torch.zeros(1, dtype=torch.int64)
    with pytest.raises(SpikeportError, match="coupling is singular"):
        SpikeTrainLevel().backward(network, silent, None)
