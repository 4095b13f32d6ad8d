"""The fuzzer: what it draws, that it notices, shrinks and stores a fault, and that it goes on."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from draw import Network, Seeded, network
from draw_features import EVERY, features, run_features
from fuzz import judges, runner
from fuzz.__main__ import main
from fuzz.runner import Plan, draw_network, fuzz

import hwsim
from hwsim import Program
from hwsim.neurons import LeakyIntegrator, Ternary
from hwsim.synapses import Conv2d, SumPool2d
from hwsim.trace import Trace


def of_reference(net):
    """Answer like the reference engine, with arrays of one's own."""
    trace = hwsim.run(net.program, net.frames, engine="reference", record="state").trace
    return Trace.of_arrays({name: array.copy() for name, array in trace.arrays.items()})


def honest(networks, workers):
    return [of_reference(net) for net in networks]


def faulty(networks, workers):
    """One value of every Ternary that fires downward is wrong."""
    answers = honest(networks, workers)
    for net, trace in zip(networks, answers, strict=True):
        for p in net.program.populations:
            down = np.argwhere(trace.spikes[p.name] < 0)
            if isinstance(p.neuron, Ternary) and len(down):
                trace.state["v"][p.name][tuple(down[0])] += 1
    return answers


def wraps_24_bits(net, trace, c):
    """Say whether a sum left 24 bits: then it is not that of two halves of the input."""
    if not isinstance(c.synapse, Conv2d | SumPool2d):
        return False
    sent = trace.spikes.get(c.source, net.frames).astype(np.int64)
    sent = sent.reshape(-1, *sent.shape[2:])
    messages = sent if c.graded else (sent != 0).astype(np.int64)
    half = messages * (np.indices(messages.shape[1:]).sum(axis=0) % 2)
    parts = c.synapse.deliver(half) + c.synapse.deliver(messages - half)
    return (parts != c.synapse.deliver(messages)).any()


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.setitem(judges.JUDGES, "native", honest)
    return Plan(3, 8, ["native"], tmp_path / "fuzz.json")


@pytest.mark.lava
def test_25_random_networks_do_on_real_lava_what_they_do_everywhere_else(tmp_path):
    plan = Plan(2026, 25, list(judges.DEFAULT), tmp_path / "fuzz.json")
    fine, text = fuzz(plan)
    assert fine, text
    assert sum(row["compared"] for row in json.loads(plan.out.read_text())) > 400_000


def test_300_networks_use_all_that_the_machine_has_and_few_are_silent_or_always_fire():
    seen, rates = Counter(), []
    for index in range(300):
        net = draw_network(0, index)
        run = hwsim.run(net.program, net.frames, engine="native", record="spikes")
        seen.update(features(net.program) | run_features(run.counts, net.frames))
        able = [p.name for p in net.program.populations if type(p.neuron) is not LeakyIntegrator]
        rates.append(
            [np.count_nonzero(run.trace.spikes[n]) / run.trace.spikes[n].size for n in able]
        )
        seen["conv wraps"] += any(wraps_24_bits(net, run.trace, c) for c in net.program.connections)
    assert set(seen) == {*EVERY, "conv wraps"}
    assert seen["conv wraps"] > 5
    assert seen["wraps"] > 30
    assert seen["saturations"] > 30
    flat = np.concatenate(rates)
    assert (flat < 0.005).mean() < 0.08
    assert (flat > 0.9).mean() < 0.08
    degenerate = [2 * sum(r < 0.005 or r > 0.9 for r in net) > len(net) for net in rates]
    assert np.mean(degenerate) < 0.05


def test_networks_beyond_what_lava_takes_hold_odd_and_wide_weights():
    drawn = [network(Seeded.of(0, i), lava_ready=False).program for i in range(40)]
    weights = [c.synapse.weights for p in drawn for c in p.connections if c.synapse.weights.size]
    assert any((w % 2 == 1).any() and (w < 0).any() for w in weights)
    assert any(np.abs(w).max() > 2**24 for w in weights)


def test_the_same_seed_draws_the_same_network():
    one, two = draw_network(5, 9), draw_network(5, 9)
    assert (one.frames == two.frames).all()
    assert [c.name for c in one.program.connections] == [c.name for c in two.program.connections]
    for a, b in zip(one.program.connections, two.program.connections, strict=True):
        assert (a.synapse.weights == b.synapse.weights).all()


def test_a_wrong_value_is_noticed_shrunk_and_stored(plan, monkeypatch):
    monkeypatch.setitem(judges.JUDGES, "native", faulty)
    fine, text = fuzz(plan)
    assert not fine
    failed = [row for row in json.loads(plan.out.read_text()) if not row["ok"]]
    assert failed
    assert all("Ternary" in row["name"] and f"FAILED {row['name']}" in text for row in failed)
    folders = sorted((plan.out.parent / "fuzz" / "failures").iterdir())
    assert len(folders) == len(failed)
    for folder, row in zip(folders, failed, strict=True):
        assert folder.name == f"seed-3-network-{row['network']}"
        said = (folder / "difference.txt").read_text()
        assert "native: 1 values differ, first: step" in said
        again = Network(Program.load(folder / "program.onnx"), np.load(folder / "input.npy"))
        assert again.frames.size <= 4
        assert judges.judge([again], ["native"])[0].failure == "native: values"


def test_shrinking_leaves_the_faulty_neuron_and_little_else(monkeypatch):
    monkeypatch.setitem(judges.JUDGES, "native", faulty)
    for index in range(16):
        net = draw_network(3, index)
        if judges.judge([net], ["native"])[0].failure:
            smallest = runner.smallest(net, "native: values")
            assert [type(p.neuron) for p in smallest.program.populations] == [Ternary]
            assert smallest.program.populations[0].shape == (1,)
            assert len(smallest.program.connections) <= 1


def test_a_judge_that_raises_is_a_failure_of_its_own(plan, monkeypatch):
    def broken(networks, workers):
        return [ZeroDivisionError("oh")] * len(networks)

    monkeypatch.setitem(judges.JUDGES, "native", broken)
    fine, _ = fuzz(replace(plan, count=1))
    assert not fine
    stored = plan.out.parent / "fuzz" / "failures" / "seed-3-network-0" / "difference.txt"
    assert "native: ZeroDivisionError: oh" in stored.read_text()


def test_an_interrupted_run_goes_on_where_it_was(plan, monkeypatch):
    asked = []

    def counting(networks, workers):
        asked.extend(net.program.name for net in networks)
        if len(asked) > 4:
            raise KeyboardInterrupt
        return honest(networks, workers)

    monkeypatch.setattr(runner, "BATCH", 4)
    monkeypatch.setitem(judges.JUDGES, "native", counting)
    with pytest.raises(KeyboardInterrupt):
        fuzz(plan)
    assert len(json.loads(plan.out.read_text())) == 4
    asked.clear()
    monkeypatch.setitem(judges.JUDGES, "native", honest)
    fine, text = fuzz(plan)
    assert fine
    assert text.startswith("8 networks (4 run now")
    assert fuzz(plan)[1].startswith("8 networks (0 run now")


def test_rows_of_other_sources_or_fewer_judges_are_run_again(plan, monkeypatch):
    fuzz(plan)
    monkeypatch.setitem(judges.JUDGES, "onnxruntime", honest)
    assert "(8 run now" in fuzz(replace(plan, judges=["native", "onnxruntime"]))[1]
    assert "(0 run now" in fuzz(plan)[1]
    rows = json.loads(plan.out.read_text())
    plan.out.write_text(json.dumps([row | {"version": "old"} for row in rows]))
    assert "(8 run now" in fuzz(plan)[1]


def test_the_command_prints_a_summary_and_fails_on_a_mismatch(plan, monkeypatch):
    command = ["--seed=3", "--count=8", "--against=reference,native", f"--out={plan.out}"]
    ended = CliRunner().invoke(main, command)
    assert ended.exit_code == 0
    assert "8 networks (8 run now" in ended.stdout
    assert "0 mismatches" in ended.stdout
    for row in json.loads(plan.out.read_text()):
        assert {"name", "metric", "value", "target", "ok"} <= set(row)
        assert (row["metric"], row["value"], row["target"], row["ok"]) == ("mismatches", 0, 0, True)
    monkeypatch.setitem(judges.JUDGES, "native", faulty)
    plan.out.unlink()
    assert CliRunner().invoke(main, command).exit_code == 1
    assert CliRunner().invoke(main, ["--against=oracle"]).exit_code == 2
