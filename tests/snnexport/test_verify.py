"""The judges must be able to find fault."""

from dataclasses import replace

import numpy as np
import pytest
from architectures import KINDS, checkpoint
from strategies import even, frames, small_program
from torch import nn, zeros

from hwsim import (
    Connection,
    Cuba,
    Dense,
    Input,
    Population,
    Program,
    Trace,
    blanked,
    load_chip,
    run,
)
from hwsim.errors import CheckError, MismatchError, RangeError, SpikeportError
from hwsim.neurons import LeakyIntegrator
from hwsim.program import Readout
from snnexport import Calibration, capture, export, fold, lower, oracle, quantize, stages
from snnexport._judges import Case, ask
from snnexport._verify import Judge, first_difference, require_agreement, verify
from snnexport.golden import Golden
from snnexport.source import coded
from snnexport.trained import Trained, trained_beside
from snntrain import Checkpoint, load
from snntrain.layers import Spiking


@pytest.fixture
def case(rng):
    program = small_program(rng, period=5)
    return program, frames(rng, program, steps=5, batch=3)


def flipped(trace, place):
    """The trace with one spike of the output changed."""
    spikes = {name: a.copy() for name, a in trace.spikes.items()}
    spikes["out"][place] ^= 1
    return Trace(spikes)


def test_agreement_counts_every_spike_value_of_every_machine_step(case):
    program, x = case
    neurons = sum(int(np.prod(p.shape)) for p in program.populations)
    by_judge = {v.judge: v for v in verify(program, x, [Judge.ONNXRUNTIME, Judge.REFERENCE])}
    assert by_judge[Judge.ONNXRUNTIME].agreement.compared == (5 + program.latency) * 3 * neurons
    assert by_judge[Judge.REFERENCE].agreement.compared == 5 * 3 * neurons
    assert all(v.agreement.mismatches == 0 for v in by_judge.values())


def test_progress_names_the_judge_and_ends_with_all_that_is_to_do(case):
    program, x = case
    told = []
    verify(program, x, [Judge.NATIVE, Judge.REFERENCE], progress=lambda *at: told.append(at))
    assert list(dict.fromkeys(name for _, _, name in told)) == ["native", "reference"]
    for judge in ("native", "reference"):
        done, total, _ = [at for at in told if at[2] == judge][-1]
        assert done == total > 0


def test_a_wrong_spike_of_onnxruntime_is_found_and_named(case, monkeypatch):
    program, x = case
    wrong = flipped(oracle.run(program, x), (6, 2, 4))
    monkeypatch.setattr(oracle, "run", lambda *_: wrong)
    verdicts = verify(program, x, [Judge.ONNXRUNTIME])
    assert verdicts[0].agreement.mismatches == 1
    assert verdicts[0].first == "step 7, population out, sample 2, neuron (4,)"
    with pytest.raises(MismatchError, match=r"onnxruntime: first at step 7, population out"):
        require_agreement(verdicts)


def test_a_wrong_spike_of_lava_is_found_in_the_stream(case, monkeypatch):
    program, x = case
    seen = []

    def wrong_lava(program, spikes, **_):
        seen.append(spikes.shape)
        result = run(program, spikes, record="spikes")
        return replace(result, trace=flipped(result.trace, (3, 0, 1)))

    monkeypatch.setattr("snnexport.lava.run", wrong_lava)
    (verdict,) = verify(program, x, [Judge.LAVA])
    assert seen == [(15, 1, *program.input.shape)], "samples go back to back through one machine"
    assert verdict.agreement.mismatches == 1
    neurons = sum(int(np.prod(p.shape)) for p in program.populations)
    assert verdict.agreement.compared == (15 + program.latency) * neurons


def test_a_wrong_reset_phase_is_found_by_the_stream(case, monkeypatch):
    program, x = case
    monkeypatch.setattr(type(program), "phase", lambda self, p: 1)
    (verdict,) = verify(program, x, [Judge.REFERENCE])
    assert verdict.agreement.mismatches > 0


def test_samples_with_a_gap_are_streamed_with_it(rng, monkeypatch):
    program = blanked(looped(rng))
    x = rng.integers(0, 2, (program.frames, 3, 4))
    seen = []

    def lava_run(program, spikes, **_):
        seen.append(spikes)
        return run(program, spikes, record="spikes", engine="reference")

    monkeypatch.setattr("snnexport.lava.run", lava_run)
    verdicts = verify(program, x, [Judge.LAVA, Judge.REFERENCE])
    assert [v.agreement.mismatches for v in verdicts] == [0, 0]
    (stream,) = seen
    assert stream.shape == (3 * program.period, 1, 4)
    samples = stream.reshape(3, program.period, 4)
    np.testing.assert_array_equal(samples[:, : program.frames].swapaxes(0, 1), x)
    assert not samples[:, program.frames :].any()
    assert verdicts[1].agreement.compared == x.shape[0] * 3 * 5


def test_a_gap_that_nothing_silences_is_found_by_the_stream(rng):
    program = blanked(looped(rng))
    x = rng.integers(0, 2, (program.frames, 6, 4))
    loud = replace(program, connections=program.connections[:2])
    assert verify(program, x, [Judge.REFERENCE])[0].agreement.mismatches == 0
    assert verify(loud, x, [Judge.REFERENCE])[0].agreement.mismatches > 0


def looped(rng):
    """Five neurons that excite each other, and fire of themselves now and then."""
    neuron = Cuba(2000, 300, 64 * 150, 64 * rng.integers(20, 90, 5))
    return Program(
        "looped", "loihi2", Input("in", (4,)), (Population("out", (5,), neuron, 1),),
        (
            Connection("in", "out", Dense(even(rng, (5, 4)))),
            Connection("out", "out", Dense(even(rng, (5, 5)))),
        ),
        "out", period=6,
    )  # fmt: skip


def test_golden_spikes_and_readout_are_compared(case):
    program, x = case
    result = run(program, x, record="spikes")
    good = Golden(x, result.trace, result.outputs)
    assert verify(program, x, [Judge.REFERENCE], golden=good)[0].agreement.mismatches == 0
    for bad in (
        Golden(x, flipped(result.trace, (6, 0, 0)), result.outputs),
        Golden(x, result.trace, result.outputs + 1),
    ):
        assert verify(program, x, [Judge.REFERENCE], golden=bad)[0].agreement.mismatches > 0


def test_a_run_is_never_compared_with_itself(case, monkeypatch):
    program, x = case
    assert verify(program, x[:3], [Judge.REFERENCE])[0].agreement.mismatches == 0
    monkeypatch.setenv("SPIKEPORT_ENGINE", "reference")
    for few in (x[:, :1], x[:3]):
        with pytest.raises(CheckError, match="reference: nothing to compare"):
            verify(program, few, [Judge.REFERENCE])


@pytest.mark.parametrize("judge", [Judge.NATIVE, Judge.REFERENCE])
def test_an_engine_that_is_wrong_is_found(case, monkeypatch, judge):
    program, x = case

    def wrong_engine(program, spikes, *, engine=None, **options):
        result = run(program, spikes, engine=engine, **options)
        wrong = engine == "native" or (engine is None and judge is Judge.REFERENCE)
        return replace(result, trace=flipped(result.trace, (4, 0, 2))) if wrong else result

    monkeypatch.setattr("snnexport._judges.run", wrong_engine)
    (verdict,) = verify(program, x, [judge])
    assert verdict.agreement.mismatches == 1
    assert verdict.first.endswith("population out, sample 0, neuron (2,)")


def test_every_judge_that_cannot_be_asked_is_named_before_any_is(case, monkeypatch):
    program, x = case
    *others, last = program.connections
    odd = replace(last, synapse=Dense(last.synapse.weights + 1))
    program = replace(program, connections=(*others, odd, replace(odd, label="again")))
    monkeypatch.setattr(oracle, "run", lambda *_: pytest.fail("asked"))
    judges = [Judge.ONNXRUNTIME, Judge.TORCH, Judge.INTEGER, Judge.LAVA, Judge.NETX]
    with pytest.raises(CheckError) as caught:
        verify(program, x, judges)
    named = dict.fromkeys(line.partition(": ")[0] for line in caught.value.problems)
    assert list(named) == ["torch", "integer", "lava", "netx"]


def test_accuracy_is_the_share_of_labels_that_the_judge_answers(case):
    program, x = case
    labels = run(program, x).predictions
    labels[0] += 1
    (verdict,) = verify(program, x, [Judge.ONNXRUNTIME], labels=labels)
    assert verdict.accuracy == pytest.approx(2 / 3)
    assert verdict.same_class == 1.0


def test_a_silent_output_is_compared_by_its_voltage(case, monkeypatch):
    program, x = case
    *others, out = program.populations
    silent = replace(out, neuron=LeakyIntegrator(decay_u=4096, decay_v=100))
    program = replace(program, populations=(*others, silent), readout=Readout.VOLTAGE)
    assert verify(program, x, [Judge.ONNXRUNTIME])[0].agreement.mismatches == 0
    trace = oracle.run(program, x)
    trace.state["v"]["out"][6, 1, 3] += 1
    monkeypatch.setattr(oracle, "run", lambda *_: trace)
    (verdict,) = verify(program, x, [Judge.ONNXRUNTIME])
    assert verdict.agreement.mismatches == 1
    assert verdict.first == "step 7, population out, sample 1, neuron (3,)"


def test_the_earliest_step_is_the_first_difference_whichever_population_it_is_in():
    ours = {name: np.zeros((5, 1, 2), int) for name in "ab"}
    theirs = {name: a.copy() for name, a in ours.items()}
    theirs["a"][3, 0, 0] = theirs["b"][1, 0, 1] = 1
    assert first_difference(ours, theirs) == "step 2, population b, sample 0, neuron (1,)"


def test_torch_answers_in_the_order_of_the_program_so_that_the_first_difference_is_the_first():
    parts = [part for _ in range(6) for part in (nn.Linear(4, 4), Spiking(4))]
    module, chip = nn.Sequential(*parts), load_chip("loihi2")
    quantized = quantize(fold(capture(module, zeros(3, 1, 4))), chip, Calibration(0, 1))
    program = lower(quantized, chip)
    spikes, _ = Trained(module, quantized, (4,)).spikes(program, np.ones((3, 2, 4), int))
    assert list(spikes) == [p.name for p in program.populations]


@pytest.fixture(scope="module", params=list(KINDS))
def exported(request, tmp_path_factory):
    """A network of each kind: its checkpoint's path and its program's, and images."""
    folder, network = tmp_path_factory.mktemp("kind"), checkpoint(request.param)
    network.save(folder / "checkpoint.safetensors")
    done = stages(network, load_chip("loihi2"), name="kind")
    images = load("digits", "test").images[:6]
    frames, labels = coded(done.program, images), load("digits", "test").labels[:6]
    export(done, folder / "out", [], frames, "test")
    return folder / "checkpoint.safetensors", folder / "out" / "program.onnx", images, labels


def test_every_kind_of_network_equals_its_integers_layer_by_layer(exported):
    path, file, images, labels = exported
    program = Program.load(file)
    trained = trained_beside(path, file, program, None, images)
    judges = [Judge.INTEGER, Judge.TORCH, Judge.REFERENCE, Judge.ONNXRUNTIME]
    x = coded(program, images)
    verdicts = verify(program, x, judges, labels=labels, trained=trained)
    integer, torch, *others = verdicts
    require_agreement(verdicts)
    sizes = {p.name: p.shape for p in trained.quantized.layers}
    assert integer.agreement.compared == x.shape[0] * 6 * sum(map(np.prod, sizes.values()))
    assert [v.agreement.mismatches for v in (integer, *others)] == [0, 0, 0]
    # reals differ in few spikes: those whose voltage lies within a rounding of the threshold
    assert torch.agreement.mismatches < 0.1 * torch.agreement.compared
    assert torch.agreement.compared > 0
    fired = sum(s.sum() for s in run(program, x, record="spikes").trace.spikes.values())
    assert fired > 100


def test_one_channel_of_wrong_weights_is_found_by_the_integer_network(exported):
    path, file, images, _ = exported
    program = Program.load(file)
    trained = trained_beside(path, file, program, None, images)
    layers = list(trained.quantized.layers)
    at = next(i for i, p in enumerate(layers) if p.edges)
    first, edge = layers[at], layers[at].edges[0]
    weight = edge.weights.weight.copy()
    weight[0] += 40
    edges = (edge.with_weights(replace(edge.weights, weight=weight)), *first.edges[1:])
    layers[at] = replace(first, edges=edges)
    wrong = replace(trained, quantized=replace(trained.quantized, layers=tuple(layers)))
    (verdict,) = verify(program, coded(program, images), [Judge.INTEGER], trained=wrong)
    assert verdict.agreement.mismatches > 0
    assert f"population {first.name}" in verdict.first
    with pytest.raises(MismatchError, match="integer: first at frame"):
        require_agreement([verdict])


def test_another_checkpoint_or_other_choices_are_not_taken_for_those_of_the_program(exported):
    path, file, *_ = exported
    program = Program.load(file)
    other = path.with_name("other.safetensors")
    network = Checkpoint.load(path)
    replace(network, metrics={"other": 1}).save(other)
    with pytest.raises(RangeError, match=r"is not .* of the checkpoint that"):
        trained_beside(other, file, program, None, None)
    choices = file.with_name("quantize.toml")
    kept = choices.read_text()
    try:
        choices.write_text(kept.replace("weight_bits = 8", "weight_bits = 5"))
        with pytest.raises(SpikeportError):
            trained_beside(path, file, program, None, None)
        choices.unlink()
        trained_beside(path, file, program, None, None)
    finally:
        choices.write_text(kept)


@pytest.mark.lava
def test_every_kind_of_network_equals_real_lava_samples_back_to_back(exported):
    _, file, images, _ = exported
    program = Program.load(file)
    (verdict,) = verify(program, coded(program, images), [Judge.LAVA])
    assert verdict.agreement.mismatches == 0


def test_what_is_compared_without_latency_counts_frames_and_the_rest_machine_steps(rng):
    program = small_program(rng)
    case = Case(program, frames(rng, program))
    assert case.streams
    assert ask(case, Judge.REFERENCE).unit == "frame"
    assert ask(case, Judge.NATIVE).unit == ask(case, Judge.ONNXRUNTIME).unit == "step"
