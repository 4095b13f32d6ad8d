from dataclasses import replace

import numpy as np
import pytest
from strategies import frames, small_program

from hwsim import Cuba, Dense, Population, Readout, count, run
from hwsim.errors import CheckError, RangeError, UnsupportedError
from hwsim.neurons import check


def test_every_structural_problem_is_listed_at_once(rng):
    p = small_program(rng)
    broken = Cuba(4096, 0, 131073 * 64)
    with pytest.raises(CheckError) as caught:
        replace(
            p,
            populations=(*p.populations, Population("conv", (3,), broken, 1)),
            connections=(replace(p.connections[0], target="nowhere"), *p.connections[1:]),
            output="absent",
            period=0,
        )
    for part in ("'conv' is used twice", "nowhere", "'absent' is not a population", "period = 0"):
        assert part in caught.value.message


def test_threshold_above_register_names_layer_and_limit():
    with pytest.raises(RangeError, match=r"conv3: threshold = 8388672 .*0\.\.8388608"):
        check(Cuba(4096, 0, 131073 * 64), where="conv3")


def test_registers_of_a_wrong_shape_are_refused(rng):
    p = small_program(rng)
    bad = replace(p.populations[0], neuron=Cuba(4096, 0, np.array([64, 128, 192])))
    with pytest.raises(CheckError, match=r"conv: threshold: shape \(3,\)"):
        replace(p, populations=(bad, *p.populations[1:]))


def test_float_weights_are_refused(rng):
    p = small_program(rng)
    c = replace(p.connections[2], synapse=Dense(p.connections[2].synapse.weights * 1.0))
    with pytest.raises(CheckError, match="weights are float64, not integers"):
        replace(p, connections=(*p.connections[:2], c))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x[0], "is not \\(T, B, 2, 9, 8\\)"),
        (lambda x: x * 1.0, "values are float64, not integers"),
        (lambda x: x * 0 + 17, "value 17 does not fit 0..16"),
        (lambda x: x * 0 - 1, "value -1 does not fit 0..16"),
        (lambda x: x[:0], "neither may be empty"),
    ],
)
def test_wrong_input_is_refused_with_its_limit(rng, spoil, message):
    p = small_program(rng)
    with pytest.raises(RangeError, match=message):
        run(p, spoil(frames(rng, p)))


def test_an_unknown_engine_is_refused_by_name(rng):
    p = small_program(rng)
    with pytest.raises(UnsupportedError, match="no engine 'naive'") as caught:
        run(p, frames(rng, p), engine="naive")
    assert "known: native, reference, torch" in caught.value.hint


@pytest.mark.parametrize("seed", range(5))
def test_batch_split_does_not_change_a_sample(seed):
    rng = np.random.default_rng(seed)
    p = small_program(rng)
    x = frames(rng, p, batch=4)
    whole = run(p, x, record="state").trace
    for b in range(4):
        alone = run(p, x[:, b : b + 1], record="state").trace
        assert whole is not None
        assert alone is not None
        for name, array in alone.arrays.items():
            assert (array == whole.arrays[name][:, b : b + 1]).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_stream_of_samples_equals_each_sample_alone_in_its_window(seed):
    rng = np.random.default_rng(seed)
    p = small_program(rng, period=6)
    x = frames(rng, p, steps=6, batch=4)
    alone = run(p, x, record="state").trace
    stream = run(p, x.swapaxes(0, 1).reshape(-1, 1, *x.shape[2:]), record="state").trace
    assert alone is not None
    assert stream is not None
    for q in p.populations:
        for kind in ("spikes", "u", "v"):
            key = f"{q.name}/{kind}"
            for n in range(4):
                first = 6 * n + q.latency
                window = stream.arrays[key][first : first + 6, 0]
                assert (window == alone.arrays[key][q.latency : q.latency + 6, n]).all()


@pytest.mark.parametrize("seed", range(5))
def test_counts_equal_counting_the_trace(seed):
    rng = np.random.default_rng(seed)
    p = small_program(rng)
    x = frames(rng, p)
    result = run(p, x, record="spikes")
    assert result.trace is not None
    assert result.counts is not None
    spikes, synops = count(p, x, result.trace)
    assert {c.name: c.spikes for c in result.counts.populations} == spikes
    assert result.counts.synops == synops > 0


def test_synops_are_messages_times_targets_by_brute_force(rng):
    p = small_program(rng)
    x = frames(rng, p)
    result = run(p, x, record="spikes")
    assert result.counts is not None
    ones = np.ones_like
    for c, counted in zip(p.connections, result.counts.connections, strict=True):
        if c.source != "image":
            continue
        conv = replace(c.synapse, weight=ones(c.synapse.weights))
        total = sum(conv.deliver((frame != 0).astype(np.int64)).sum() for frame in x)
        assert counted.synops == total


def test_readout_counts_spikes_or_sums_voltages_over_the_window(rng):
    p = small_program(rng)
    x = frames(rng, p)
    trace = run(p, x, record="state").trace
    assert trace is not None
    window = slice(p.latency, p.latency + len(x))
    assert (run(p, x).outputs == trace.spikes["out"][window].sum(axis=0)).all()
    by_voltage = run(replace(p, readout=Readout.VOLTAGE), x)
    assert (by_voltage.outputs == trace.v["out"][window].astype(int).sum(axis=0)).all()
    assert (by_voltage.predictions == by_voltage.outputs.argmax(axis=1)).all()


def test_wraps_and_saturations_are_counted(rng):
    p = small_program(rng, period=None)
    hot = Cuba(decay_u=1, decay_v=0, threshold=131072 * 64, bias=2**20)
    c = p.connections[0]
    strong = replace(c, synapse=replace(c.synapse, weight=np.abs(c.synapse.weights) * 200))
    p = replace(
        p,
        populations=(replace(p.populations[0], neuron=hot), *p.populations[1:]),
        connections=(strong, *p.connections[1:]),
    )
    counts = run(p, frames(rng, p, steps=40)).counts
    assert counts is not None
    first = counts.populations[0]
    assert first.saturations > 0
    assert first.wraps > 0
    assert first.silent == first.neurons


@pytest.mark.parametrize("steps", [None, 3, 4])
def test_updates_driven_and_always_firing_equal_brute_force(rng, steps):
    p = small_program(rng)
    eager = Cuba(4096, 4096, 64, 64 * np.array([2, 0, 0, 0]))  # channel 0 fires in every step
    p = replace(p, populations=(replace(p.populations[0], neuron=eager), *p.populations[1:]))
    x = frames(rng, p)
    result = run(p, x, record="spikes", steps=steps)
    assert result.trace is not None
    assert result.counts is not None
    total = len(x) + p.latency if steps is None else steps
    sent = {"image": np.zeros((total, *x.shape[1:]), np.int64), **result.trace.spikes}
    sent["image"][: len(x)] = x[:total]
    for q, counted in zip(p.populations, result.counts.populations, strict=True):
        window = range(q.latency, min(q.latency + len(x), total))
        (c,) = [c for c in p.connections if c.target == q.name]
        arriving = [c.synapse.deliver(sent[c.source][t - 1].astype(np.int64)) for t in window]
        spikes = result.trace.spikes[q.name][q.latency : q.latency + len(x)]
        always = int(spikes.all(axis=(0, 1)).sum()) if len(window) else 0
        assert counted.updates == len(window) * 3 * counted.neurons
        assert counted.driven == sum(np.count_nonzero(a) for a in arriving)
        assert counted.spikes == spikes.sum()
        assert counted.always_firing == always
        assert counted.silent == (~spikes.any(axis=(0, 1))).sum()
    if steps is None:
        assert result.counts.populations[0].always_firing >= counted.neurons


def test_an_unknown_record_is_refused_with_the_known_ones(rng):
    p = small_program(rng)
    with pytest.raises(UnsupportedError, match="record='spike'") as caught:
        run(p, frames(rng, p), record="spike")
    assert "'spikes'" in caught.value.hint


@pytest.mark.parametrize("name", ["a\0b", "a\ud800"])
def test_names_that_no_file_can_hold_are_refused(rng, name):
    p = small_program(rng)
    with pytest.raises(CheckError, match="cannot be written to a file"):
        replace(p, input=replace(p.input, name=name))
