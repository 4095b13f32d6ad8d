"""Training starts from what is in a file, and says what the change of the reset did."""

import json
from hashlib import sha256

import numpy as np
import pytest
import torch
from command import call, refused
from nir_files import chain, nir_file, port

from hwsim.errors import CheckError
from snnexport import capture
from snnexport.formats.nir import from_graph, write_file
from snnexport.starting import read_start
from snntrain import Checkpoint, Recipe, evaluate, fit, load

SOFT = """
[data]
name = "digits"

[net]
kind = "dense"
input_shape = [1, 8, 8]
classes = 10
hidden = [64]
decay_u = 1.0
decay_v = 0.05
reset = "subtract"

[train]
steps = 8
epochs = 6
batch_size = 128
learning_rate = 0.02
"""
HARD = SOFT.replace('reset = "subtract"', 'reset = "zero"').replace("epochs = 6", "epochs = 3")
DELAYED = HARD.replace('kind = "dense"', 'kind = "delayed"\nchannels = []\ndelays = [0]')
DELAYED = DELAYED.replace("hidden", "dense").replace('reset = "zero"\n', "")


@pytest.fixture(scope="module")
def soft():
    return fit(Recipe.from_text(SOFT, "soft"))


@pytest.fixture(scope="module")
def judge():
    return load("digits", "test")


@pytest.fixture(scope="module")
def sinabs(soft, tmp_path_factory):
    """A NIR file of integrate-and-fire neurons with the weights of ``soft``, as sinabs writes."""

    def integrator(n):
        one = np.ones(n, np.float32)
        return {"type": "IF", "r": one, "v_threshold": one, "v_reset": 0 * one}

    def linear(name):
        return {"type": "Linear", "weight": soft.state[f"{name}.weight"].numpy()}

    nodes = {
        "input": port("Input", 64), "0": linear("dense1"), "1": integrator(64),
        "2": linear("dense2"), "3": integrator(10), "output": port("Output", 10),
    }  # fmt: skip
    return nir_file(tmp_path_factory.mktemp("nir") / "soft.nir", nodes, chain(*nodes))


def trained(text, init, folder, *options):
    """Train the recipe ``text`` from ``init``; return what is printed as JSON."""
    (folder / "recipe.toml").write_text(text)
    words = ("train", folder / "recipe.toml", "--init", init, "--out", folder / "out", *options)
    result = call(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_reset_to_zero_is_trained_from_reset_by_subtraction_and_the_change_is_reported(
    soft, judge, tmp_path
):
    soft.save(tmp_path / "soft.safetensors")
    facts = trained(HARD, tmp_path / "soft.safetensors", tmp_path)
    assert facts["init.sha256"] == soft.sha256
    assert facts["init.accuracy"] == evaluate(soft, judge).accuracy
    begun = Checkpoint(Recipe.from_text(HARD, "hard"), soft.state, {}, {})
    assert facts["init.reset_to_zero"] == evaluate(begun, judge).accuracy
    result = Checkpoint.load(tmp_path / "out/checkpoint.safetensors")
    assert facts["test_accuracy"] == evaluate(result, judge).accuracy
    assert facts["test_accuracy"] > max(facts["init.accuracy"], facts["init.reset_to_zero"])
    kept = ("init.sha256", "init.accuracy", "init.reset_to_zero")
    assert {name: result.metrics[name] for name in kept} == {name: facts[name] for name in kept}


def test_stock_netx_runs_what_was_trained_where_it_refuses_what_that_began_with(soft, tmp_path):
    pytest.importorskip("h5py")
    start, made = tmp_path / "soft.safetensors", tmp_path / "out/checkpoint.safetensors"
    soft.save(start)
    trained(HARD, start, tmp_path)
    netx = ("-o", tmp_path / "netx", "--format", "netx", "--chip")
    refused(call("export", start, *netx, "loihi2"), "netx has no CubaSubtract", "train RECIPE")
    refused(call("export", start, *netx, "loihi1"), "no neuron CubaSubtract", "train RECIPE --init")
    assert call("export", made, *netx, "loihi1").exit_code == 0
    assert (tmp_path / "netx/network.net").exists()


def test_figures_are_printed_in_percent(soft, tmp_path):
    (tmp_path / "hard.toml").write_text(HARD)
    soft.save(tmp_path / "soft.safetensors")
    words = ("train", tmp_path / "hard.toml", "--init", tmp_path / "soft.safetensors", "--out")
    printed = call(*words, tmp_path / "out").stdout
    for name in ("init.accuracy", "init.reset to zero", "test accuracy"):
        (line,) = (line for line in printed.splitlines() if line.startswith(f"{name}: "))
        assert line.endswith(" %")


def multi_spikes(weights, sequence):
    """Count the output spikes of sinabs' IAF: several a step, by subtraction, v at least -1."""
    for weight in weights:
        v, sent = np.zeros((sequence.shape[1], len(weight))), []
        for x in sequence:
            v += x @ weight.T
            sent.append(np.clip(np.floor(v), 0, None))
            v = np.maximum(v - sent[-1], -1.0)
        sequence = np.stack(sent)
    return sequence.sum(axis=0)


def test_a_nir_file_gives_its_weights_and_the_accuracy_of_the_neurons_it_was_made_for(
    soft, sinabs, judge
):
    recipe = Recipe.from_text(HARD.replace("decay_v = 0.05", "decay_v = 0.0"), "hard")
    start = read_start(sinabs, recipe, judge, profile="sinabs")
    assert start.sha256 == start.metrics["init.sha256"] == sha256(sinabs.read_bytes()).hexdigest()
    assert start.state.keys() == soft.state.keys()
    assert all(torch.equal(start.state[name], soft.state[name]) for name in soft.state)
    weights = [soft.state[f"dense{i}.weight"].double().numpy() for i in (1, 2)]
    outputs = multi_spikes(weights, judge.sequences(slice(None), 8).reshape(8, -1, 64))
    expected = (outputs.argmax(axis=1) == judge.labels).mean()
    assert start.metrics["init.accuracy"] == expected
    begun = evaluate(Checkpoint(recipe, start.state, {}, {}), judge).accuracy
    assert start.metrics["init.reset_to_zero"] == begun != expected
    assert any("profile sinabs" in line for line in start.metrics["init.assumed"])


def test_training_from_a_nir_file_learns_and_keeps_how_it_was_read(sinabs, tmp_path):
    text = HARD.replace("decay_v = 0.05", "decay_v = 0.0")
    facts = trained(text, sinabs, tmp_path, "--profile", "sinabs")
    assert facts["test_accuracy"] > facts["init.reset_to_zero"] > 0.5
    result = Checkpoint.load(tmp_path / "out/checkpoint.safetensors")
    assert result.metrics["init.assumed"] == facts["init.assumed"]


def test_a_nir_file_with_another_leak_is_refused_with_both_values(sinabs, tmp_path):
    (tmp_path / "hard.toml").write_text(HARD)
    words = ("train", tmp_path / "hard.toml", "--init", sinabs, "--profile", "sinabs")
    refused(
        call(*words, "--out", tmp_path / "out"),
        "spike1: decay_v = 0.05; 1 in the file has 0",
        "2 problem(s)",
    )
    assert not (tmp_path / "out").exists()


def test_a_network_that_is_read_by_its_voltage_is_judged_by_it(judge, tmp_path):
    text = HARD.replace('reset = "zero"', 'reset = "zero"\nreadout = true\ndecay_readout = 0.1')
    read_out = fit(Recipe.from_text(text.replace("epochs = 3", "epochs = 1"), "readout"))
    graph = capture(read_out.build(), torch.zeros(8, 1, 1, 8, 8), checked=False)
    write_file(tmp_path / "readout.nir", from_graph(graph, 1e-4))
    start = read_start(tmp_path / "readout.nir", read_out.recipe, judge)
    assert start.metrics["init.accuracy"] == evaluate(read_out, judge).accuracy


def test_a_file_that_spikeport_wrote_needs_no_profile_and_says_its_own_reset(soft, judge, tmp_path):
    graph = capture(soft.build(), torch.zeros(8, 1, 1, 8, 8), checked=False)
    write_file(tmp_path / "soft.nir", from_graph(graph, 1e-4))
    start = read_start(tmp_path / "soft.nir", Recipe.from_text(HARD, "hard"), judge)
    for name, tensor in soft.state.items():  # float32, through the gain of forward Euler
        torch.testing.assert_close(start.state[name], tensor)
    assert start.metrics["init.accuracy"] == evaluate(soft, judge).accuracy


def test_a_checkpoint_of_another_kind_of_network_is_matched_by_its_populations(
    soft, judge, tmp_path
):
    soft.save(tmp_path / "soft.safetensors")
    recipe = Recipe.from_text(DELAYED, "delayed")
    start = read_start(tmp_path / "soft.safetensors", recipe, judge)
    assert start.state.keys() > soft.state.keys()  # with biases and norms
    hard = Checkpoint(Recipe.from_text(HARD, "hard"), soft.state, {}, {})
    assert start.metrics["init.accuracy"] == evaluate(soft, judge).accuracy
    assert start.metrics["init.reset_to_zero"] == evaluate(hard, judge).accuracy


def test_decays_are_compared_with_those_of_another_kind_even_if_all_tensors_have_its_names(
    tmp_path,
):
    normed = Recipe.from_text(SOFT.replace('"subtract"', '"zero"\nnorm = true'), "dense")
    state = normed.build().state_dict()
    Checkpoint(normed, state, {}, {"input": [0, 16]}).save(tmp_path / "dense.safetensors")
    text = DELAYED.replace('"delayed"', '"convnet"').replace("delays = [0]\n", "")
    text = text.replace("decay_u = 1.0", "decay_u = [1.0, 1.0]")
    recipe = Recipe.from_text(text.replace("decay_v = 0.05", "decay_v = [0.05, 0.5]"), "convnet")
    assert recipe.build().state_dict().keys() == state.keys()
    with pytest.raises(CheckError, match=r"output: decay_v = 0\.5; output in the file has 0\.05"):
        read_start(tmp_path / "dense.safetensors", recipe)


def test_what_integers_of_a_chip_start_from_is_judged_in_reals(soft, judge, tmp_path):
    soft.save(tmp_path / "soft.safetensors")
    reals = Recipe.from_text(HARD, "hard")
    chip = Recipe.from_text(HARD + '[hardware]\nchip = "loihi1"\ntrain = "integer"\n', "chip")
    starts = [read_start(tmp_path / "soft.safetensors", recipe, judge) for recipe in (reals, chip)]
    assert starts[0].metrics == starts[1].metrics


def test_without_a_judge_nothing_is_measured(soft, tmp_path):
    soft.save(tmp_path / "soft.safetensors")
    start = read_start(tmp_path / "soft.safetensors", Recipe.from_text(HARD, "hard"))
    assert start.metrics == {"init.sha256": soft.sha256}


def test_a_network_of_the_same_kind_that_does_not_fit_is_refused_layer_by_layer(soft, tmp_path):
    soft.save(tmp_path / "soft.safetensors")
    (tmp_path / "hard.toml").write_text(HARD.replace("hidden = [64]", "hidden = [30]"))
    words = ("train", tmp_path / "hard.toml", "--init", tmp_path / "soft.safetensors")
    refused(call(*words, "--out", tmp_path / "out"), "spike1 30 is spike1 64 in the file")
