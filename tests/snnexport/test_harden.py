"""Networks that train a chip's integers: every spike hwsim's, and exported as they are."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from command import call
from torch import nn

from hwsim import load_chip, run
from hwsim.errors import CheckError, FileError, RangeError
from hwsim.synapses import Form
from snnexport import Method, harden, problems, stages
from snnexport.source import coded
from snntrain import (
    Checkpoint,
    Readout,
    Recipe,
    Reset,
    Spiking,
    evaluate,
    fit,
    load,
    penalties,
    unroll,
)
from snntrain.hardware import Deployment, HardwareSettings, Numbers, compare
from snntrain.layers import recorded

STEPS, SHAPE = 4, (2, 6, 6)
LOIHI = load_chip("loihi1")
RECIPE = """
[data]
name = "digits"
samples = 512

[net]
kind = "convnet"
input_shape = [1, 8, 8]
classes = 10
channels = [4]
dense = []
decay_u = [0.75, 1.0]
decay_v = [0.25, 0.0]

[train]
steps = 2
epochs = 2
batch_size = 128
learning_rate = 0.02
"""
INTEGER = """
[hardware]
chip = "loihi1"
train = "integer"
check_every = 3
"""


class Residual(nn.Module):
    """An identity shortcut into a population, behind normalisations of torch's."""

    def __init__(self):
        super().__init__()
        self.conv1, self.spike1 = nn.Conv2d(2, 3, 3, padding=1), Spiking(3, decay_u=0.6)
        self.conv2, self.norm = nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)
        self.spike2 = Spiking(3, decay_v=0.2, norm=False, threshold=0.7)

    def forward(self, x):
        spikes = self.spike1(self.conv1(x))
        return self.spike2(self.norm(self.conv2(spikes)) + spikes)


class Deaf(Residual):
    """A channel whose gain is 0 where a shortcut without weights enters."""

    def __init__(self):
        super().__init__()
        self.norm, self.spike2 = nn.Identity(), Spiking(3)
        with torch.no_grad():
            self.get_parameter("spike2.norm.weight")[1] = 0


class Pooled(Residual):
    """A shortcut through a pool into a population of which a gain is negative."""

    def __init__(self):
        super().__init__()
        self.pool, self.spike2 = nn.AvgPool2d(2), Spiking(3)
        with torch.no_grad():
            self.get_parameter("spike2.norm.weight")[1] = -1.5

    def forward(self, x):
        pooled = self.pool(self.spike1(self.conv1(x)))
        return self.spike2(self.conv2(pooled) + pooled)


NETWORKS = {
    "pools of 4 and of 9 in front of weights": lambda: nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1, bias=False), Spiking(3, decay_u=0.75),
        nn.AvgPool2d(2), nn.Conv2d(3, 4, 3, padding=1, bias=False),
        Spiking(4, reset=Reset.SUBTRACT),
        nn.AvgPool2d(3), nn.Flatten(), nn.Linear(4, 5, bias=False), Spiking(5, refractory=1),
    ),
    "an identity shortcut and a normalisation of torch's": Residual,
    "a pool as a shortcut, and a gain below 0": Pooled,
    "feedback, biases, and a voltage that is read": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(72, 6),
        Spiking(6, decay_u=0.5, decay_v=0.3, recurrent=nn.Linear(6, 6, bias=False)),
        nn.Linear(6, 3), Readout(3, decay_v=0.1),
    ),
}  # fmt: skip


def deployment(bits=8, chip="loihi2"):
    return Deployment(HardwareSettings(chip, Numbers.INTEGER, bits), STEPS, SHAPE, 0, 15)


def sequence(seed=0):
    random = np.random.default_rng(seed)
    return torch.tensor(random.integers(0, 16, (STEPS, 5, *SHAPE)), dtype=torch.float32)


def trained_a_little(build):
    torch.manual_seed(0)
    module = build().train()
    with torch.no_grad():
        for _ in range(20):
            unroll(module, sequence())
    return module.eval()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("bits", [8, 4])
def test_every_spike_is_hwsims_and_stays_so_when_all_parameters_move(name, bits):
    hard = harden.harden(trained_a_little(NETWORKS[name]), deployment(bits))
    assert compare(harden, deployment(bits), hard.train(), sequence()) > 0
    outputs = unroll(hard, sequence())
    outputs.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in hard.parameters())
    with torch.no_grad():
        for p in hard.parameters():
            p += 0.05 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1))
    assert compare(harden, deployment(bits), hard, sequence(1)) > 0
    assert unroll(hard, sequence(1)).count_nonzero() > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_at_8_bits_it_begins_as_nearly_the_network_it_was(name):
    module = trained_a_little(NETWORKS[name])
    wanted = unroll(module, sequence()).sum(dim=0)
    begun = unroll(harden.harden(module, deployment()), sequence()).sum(dim=0)
    assert (begun - wanted).abs().mean() < 0.2 * wanted.abs().mean()


def test_a_bias_begins_where_a_current_with_memory_brings_it():
    layer = Spiking(2, decay_u=0.25, norm=False)
    module = nn.Sequential(nn.Flatten(), nn.Linear(72, 2), layer).eval()
    wanted = 4 * module.get_parameter("1.bias").detach()
    bias = harden.harden(module, deployment()).get_parameter(
        "2.norm.parametrizations.bias.original"
    )
    assert torch.allclose(bias, wanted)


def test_voltages_that_are_read_count_in_one_unit():
    build = NETWORKS["feedback, biases, and a voltage that is read"]
    hard = harden.harden(trained_a_little(build), deployment())
    assert len(hard.get_buffer("4.norm.unit").unique()) == 1


def test_one_spike_that_is_not_hwsims_is_told_with_its_layer():
    def lie(*given):
        spikes = harden.spikes(*given)
        spikes["spike2"].flat[-1] ^= 1
        return spikes

    hard = harden.harden(trained_a_little(Residual), deployment())
    liar: Any = SimpleNamespace(spikes=lie)
    with pytest.raises(CheckError, match=r"spike2: 1 of 2160 spikes differ") as told:
        compare(liar, deployment(), hard, sequence())
    assert len(told.value.problems) == 1


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (
            lambda: nn.Sequential(
                nn.Conv2d(2, 3, 1, bias=False), nn.Conv2d(3, 3, 1, bias=False), Spiking(3)
            ),
            "1: no module holds what leads to 2",
        ),
        (
            lambda: nn.Sequential(
                nn.Flatten(), nn.Linear(72, 2), Spiking(2, decay_u=0.0, norm=False)
            ),
            "2: a constant enters a current without decay",
        ),
        (Deaf, "spike2: what it hears without weights is below the step"),
    ],
)
def test_what_no_module_could_hold_the_integers_of_is_refused_by_name(build, reason):
    with pytest.raises(CheckError, match=reason):
        harden.harden(trained_a_little(build), deployment())


def test_fan_outs_are_those_of_the_program_with_pools_and_borders():
    module = trained_a_little(NETWORKS["pools of 4 and of 9 in front of weights"])
    fan_outs = harden.fan_outs(module, deployment())
    assert fan_outs["1"].shape == (3, 6, 6)
    assert fan_outs["1"][0, 0].tolist() == [16, 16, 24, 24, 16, 16]
    assert fan_outs["4"].tolist() == np.full((4, 3, 3), 5).tolist()
    assert "8" not in fan_outs


class Relayed(Residual):
    """A shortcut that has to wait for two populations."""

    def __init__(self):
        super().__init__()
        self.conv3, self.spike3 = nn.Conv2d(3, 3, 1), Spiking(3)

    def forward(self, x):
        spikes = self.spike1(self.conv1(x))
        return self.spike2(self.norm(self.conv2(self.spike3(self.conv3(spikes)))) + spikes)


@pytest.mark.parametrize("build", [*NETWORKS.values(), Relayed])
def test_penalised_operations_are_those_that_hwsim_counts(build, monkeypatch):
    module = trained_a_little(build)
    counted = harden.fan_outs(module, deployment())
    fan_outs = {n: torch.from_numpy(array) for n, array in counted.items()}
    hard, ran = harden.harden(module, deployment()), []
    monkeypatch.setattr(
        harden, "run", lambda *a, **k: ran.append((a[0], run(*a, **k))) or ran[0][1]
    )
    with torch.no_grad(), recorded(hard) as sent:
        unroll(hard, sequence())
    harden.spikes(hard, sequence(), deployment())
    [(program, result)] = ran
    constant = (program.input.name, program.blank and program.blank.name)
    counts = [c.synops for c in result.counts.connections if c.source not in constant]
    assert penalties.synaptic_operations(sent, fan_outs) == sum(counts) > 0


def test_operations_of_joined_spikes_are_refused_and_not_left_out():
    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.spike1 = nn.Conv2d(2, 3, 1), Spiking(3)
            self.conv2, self.spike2 = nn.Conv2d(3, 3, 1), Spiking(3)
            self.conv3, self.spike3 = nn.Conv2d(3, 3, 1), Spiking(3)

        def forward(self, x):
            spikes = self.spike1(self.conv1(x))
            return self.spike3(self.conv3(self.spike2(self.conv2(spikes)) * spikes))

    with pytest.raises(CheckError, match="joins spikes, and no layer is charged"):
        harden.fan_outs(trained_a_little(Gate), deployment())


def test_registers_of_single_neurons_are_the_machines_too():
    def build():
        values = torch.linspace(0.5, 1.5, 108).reshape(3, 6, 6)
        return nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1, bias=False),
            Spiking(3, decay_u=values / 2, threshold=values),
        )

    hard = harden.harden(trained_a_little(build), deployment())
    assert compare(harden, deployment(), hard, sequence()) == STEPS * 5 * 108
    assert len(unroll(hard, sequence()).unique()) == 2


@pytest.fixture(scope="module")
def float_checkpoint():
    return fit(Recipe.from_text(RECIPE, "float"))


@pytest.fixture(scope="module")
def integer_checkpoint(float_checkpoint):
    recipe = Recipe.from_text(RECIPE.replace("0.02", "0.002") + INTEGER, "integer")
    return fit(recipe, init=float_checkpoint, target=harden)


def test_a_program_answers_as_the_network_that_was_trained(integer_checkpoint, tmp_path):
    integer_checkpoint.save(tmp_path / "a.safetensors")
    loaded, data = Checkpoint.load(tmp_path / "a.safetensors"), load("digits", "validation")
    program = stages(loaded, LOIHI, name="integers").program
    outputs = run(program, coded(program, data.images)).outputs
    assert np.array_equal(outputs, evaluate(loaded, data).outputs)
    assert loaded.metrics["compared_spikes"] == 2 * 64 * (4 * 8 * 8 + 10)


def test_the_integers_that_were_trained_are_the_ones_exported(integer_checkpoint):
    module = integer_checkpoint.build()
    program = stages(integer_checkpoint, LOIHI, name="integers").program
    by_target = {c.target: c.synapse.weights for c in program.connections}
    step = module.input_step.item()
    assert np.array_equal(by_target["spike1"], (module.conv1.weight * step).detach().numpy())
    for name in ("decay_u", "decay_v", "threshold"):
        for layer in ("spike1", "output"):
            exported = getattr(program.population(layer).neuron, name)
            assert np.array_equal(exported, getattr(module.get_submodule(layer), name).detach())


@pytest.mark.parametrize("other", [{"method": Method.MSE}, {"bias_step": 64}])
def test_no_other_way_of_rounding_is_taken_for_integers(integer_checkpoint, other):
    with pytest.raises(RangeError, match="these weights and biases are integers and kept whole"):
        stages(integer_checkpoint, LOIHI, name="integers", **other)


def test_scales_that_no_hardened_network_has_are_refused_all_at_once(integer_checkpoint, tmp_path):
    spoilt = {
        "input_step": 0.0,
        "conv1.parametrizations.weight.0.value": 0.0,
        "output.norm.gain": 0.3,
        "spike1.norm.unit": -1.0,
        "spike1.parametrizations.decay_v.0.unit": 0.0,
    }
    state = {**integer_checkpoint.state}
    state |= {name: torch.full_like(state[name], value) for name, value in spoilt.items()}
    replace(integer_checkpoint, state=state).save(tmp_path / "a.safetensors")
    with pytest.raises(FileError) as refused:
        Checkpoint.load(tmp_path / "a.safetensors")
    assert all(f"{name} is not" in refused.value.message for name in spoilt)
    assert refused.value.message.count("is not") == len(spoilt)


def test_settings_of_integers_are_refused_of_a_network_of_reals():
    hardware = '[hardware]\nchip = "loihi1"\nweight_bits = 4\ncheck_every = 9\n'
    with pytest.raises(CheckError) as refused:
        Recipe.from_text(RECIPE + hardware, "x")
    assert [line.split()[0] for line in refused.value.problems] == [
        "hardware.weight_bits",
        "hardware.check_every",
    ]


def test_export_of_trained_integers_fits_the_chip(integer_checkpoint):
    assert problems(integer_checkpoint, LOIHI) == []


def test_training_moves_weights_decays_thresholds_and_biases(float_checkpoint, integer_checkpoint):
    module = integer_checkpoint.build()
    start = harden.harden(
        float_checkpoint.build(),
        Deployment(integer_checkpoint.recipe.hardware, 2, (1, 8, 8), 0, 16),
    )
    before = dict(start.named_parameters())
    moved = {
        n.split(".")[-2] for n, p in module.named_parameters() if not torch.equal(p, before[n])
    }
    assert moved == {"weight", "decay_u", "decay_v", "threshold", "bias"}


def test_what_does_not_fit_the_chip_is_refused_before_training_all_at_once(float_checkpoint):
    dense = 'kind = "dense"\nhidden = [4]\nreset = "subtract"\ndecay_u = 1.0\ndecay_v = 0.1\n'
    head, _, rest = RECIPE.partition('kind = "convnet"\n')
    shape, _, train = rest.partition("channels")
    text = f"{head}{dense}{shape}[train]{train.partition('[train]')[2]}"
    with pytest.raises(CheckError) as refused:
        fit(Recipe.from_text(text + '[hardware]\nchip = "loihi1"\n', "x"), target=harden)
    lacking = [f"{n}: chip loihi1 has no neuron CubaSubtract" for n in ("spike1", "output")]
    found = refused.value.problems
    assert all(line.startswith(lack) for line, lack in zip(found, lacking, strict=True))


def test_a_recipe_for_integers_says_all_it_lacks_at_once():
    text = RECIPE + 'precision = "bfloat16"\n' + INTEGER
    with pytest.raises(CheckError) as refused:
        fit(Recipe.from_text(text, "integer"))
    lacking = "\n".join(refused.value.problems)
    for what in ("target=snnexport.harden", "--init", "precision 'float32'"):
        assert what in lacking


def test_a_penalty_on_operations_needs_a_chip_and_saves_some(float_checkpoint):
    text = RECIPE.replace("epochs = 2", "epochs = 5\nsynops_penalty = 1000")
    with pytest.raises(CheckError, match=r"train.synops_penalty: needs \[hardware\]"):
        fit(Recipe.from_text(text, "x"))
    chip = '[hardware]\nchip = "loihi1"\n'
    priced = fit(Recipe.from_text(text + chip, "x"), target=harden, init=float_checkpoint)
    rates = float_checkpoint.calibration["rates"]
    assert priced.calibration["rates"]["spike1"] < 0.8 * rates["spike1"]


def test_pruned_matrices_are_exported_as_sparse_and_answer_the_same(float_checkpoint):
    state = dict(float_checkpoint.state)
    weight = state["dense1.weight"].clone()
    weight[weight.abs() < weight.abs().flatten().kthvalue(weight.numel() * 3 // 4).values] = 0
    state["dense1.weight"] = weight
    thin = Recipe.from_text(RECIPE + "prune = 0.75\n", "pruned")
    programs = [
        stages(replace(float_checkpoint, state=state, recipe=recipe), LOIHI, name="p").program
        for recipe in (float_checkpoint.recipe, thin)
    ]
    forms = [{c.target: c.synapse.FORM for c in p.connections} for p in programs]
    assert [f["output"] for f in forms] == [Form.DENSE, Form.SPARSE]
    frames = coded(programs[0], load("digits", "validation").images[:20])
    runs = [run(p, frames) for p in programs]
    assert np.array_equal(runs[0].outputs, runs[1].outputs)
    counts: list[Any] = [r.counts for r in runs]
    dense, sparse = (c.connections[-1] for c in counts)
    assert sparse.synops == sparse.nonzero_synops == dense.nonzero_synops < dense.synops


def test_one_command_trains_integers_and_another_exports_them(float_checkpoint, tmp_path):
    start, recipe, out = (tmp_path / name for name in ("a.safetensors", "b.toml", "trained"))
    float_checkpoint.save(start)
    recipe.write_text(RECIPE.replace("epochs = 2", "epochs = 1") + INTEGER)
    result = call("train", recipe, "--init", start, "--out", out, "--json")
    assert json.loads(result.stdout)["compared_spikes"] > 0
    made = out / "checkpoint.safetensors"
    exported = call("export", made, "-o", tmp_path / "e", "--chip", "loihi1", "--format", "onnx")
    assert exported.exit_code == 0, exported.output
    program = tmp_path / "e" / "program.onnx"
    judged = call("verify", program, "--against", "torch", "--checkpoint", made, "--json")
    verdict = json.loads(judged.stdout)["torch"]
    assert verdict["compared"] > 0
    assert verdict["mismatches"] == 0
