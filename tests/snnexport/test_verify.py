"""The judges must be able to find fault."""

from dataclasses import replace

import numpy as np
import pytest
from strategies import even, frames, small_program

from hwsim import Connection, Cuba, Dense, Input, Population, Program, Trace, blanked, run
from hwsim.errors import MismatchError, UnsupportedError
from snnexport import oracle
from snnexport._verify import Judge, require_agreement, verify
from snnexport.golden import Golden


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


def test_a_run_is_never_compared_with_itself(case):
    program, x = case
    for few in (x[:, :1], x[:3]):
        with pytest.raises(UnsupportedError, match="nothing to compare"):
            verify(program, few, [Judge.REFERENCE])
