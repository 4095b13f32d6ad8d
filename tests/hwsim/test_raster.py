"""Tests of the raster: which neurons it shows, that it drops no spike of them, and its rates."""

from dataclasses import replace

import numpy as np
import pytest

from hwsim import Blank, Connection, Cuba, Dense, Input, Population, Program, blanked, run
from hwsim._report import raster
from hwsim._report.raster import raster_of
from hwsim.errors import RangeError
from hwsim.trace import Trace


def net(*sizes, **options):
    layers = tuple(
        Population(f"p{i}", (n,), Cuba.integrator(64), i + 1) for i, n in enumerate(sizes)
    )
    names = ["in", *(p.name for p in layers)]
    ends = zip((4, *sizes), sizes, names, names[1:], strict=False)
    weights = tuple(Connection(a, b, Dense(np.full((n, m), 2))) for m, n, a, b in ends)
    return Program("net", "loihi2", Input("in", (4,)), layers, weights, names[-1], **options)


def recorded(rng, steps, samples, **sizes):
    return Trace({k: rng.integers(-1, 2, (steps, samples, n), np.int8) for k, n in sizes.items()})


def test_every_spike_of_the_shown_neurons_is_there_and_no_other(rng):
    trace = recorded(rng, 9, 3, p0=5, p1=200)
    found = raster_of(net(5, 200), trace, sample=2)
    assert (found.sample, found.steps) == (2, 9)
    assert [(row.name, row.neurons, len(row.neurons_shown)) for row in found.layers] == [
        ("p0", 5, 5), ("p1", 200, 64),
    ]  # fmt: skip
    for layer in found.layers:
        spikes = trace.spikes[layer.name][:, 2] != 0
        expected = {
            (step + 1, row)
            for row, neuron in enumerate(layer.neurons_shown)
            for step in np.flatnonzero(spikes[:, neuron])
        }
        assert len(layer.events) == len(expected)
        assert set(layer.events) == expected


def test_rates_are_those_of_all_neurons_of_a_layer(rng):
    trace = recorded(rng, 9, 1, p0=5, p1=200)
    found = raster_of(net(5, 200), trace)
    for name, rates in found.rates.items():
        assert rates == tuple((trace.spikes[name][:, 0] != 0).mean(axis=1))


@pytest.mark.parametrize("neurons", [1, 2, 63, 64, 65, 66, 127, 128, 129, 4096])
def test_shown_neurons_differ_and_span_the_layer(rng, neurons):
    (layer,) = raster_of(net(neurons), recorded(rng, 2, 1, p0=neurons)).layers
    shown = layer.neurons_shown
    assert len(shown) == len(set(shown)) == min(neurons, 64)
    assert (shown[0], shown[-1]) == (0, neurons - 1)
    assert list(shown) == sorted(shown)


def test_shown_neurons_of_a_plane_lie_in_many_columns(rng):
    (layer,) = raster_of(net(4096), recorded(rng, 2, 1, p0=4096)).layers
    assert len({n % 64 for n in layer.neurons_shown}) > 32


def test_too_many_events_show_fewer_neurons_and_drop_none_of_theirs(monkeypatch):
    monkeypatch.setattr(raster, "MOST_EVENTS", 100)
    trace = Trace({name: np.ones((4, 1, n), np.int8) for name, n in (("p0", 3), ("p1", 200))})
    first, second = raster_of(net(3, 200), trace).layers
    assert len(first.neurons_shown) == 3
    assert len(second.neurons_shown) == 16
    assert len(second.events) == 16 * 4
    monkeypatch.setattr(raster, "MOST_EVENTS", 3)
    assert all(layer.events == () for layer in raster_of(net(3, 200), trace).layers)


def gapped(gap):
    program = net(3, period=4 + gap, blank=Blank("blank", gap) if gap else None)
    return replace(program, populations=(replace(program.populations[0], latency=1 + gap),))


@pytest.mark.parametrize("gap", [0, 2])
def test_input_events_are_in_the_step_that_sends_them(gap):
    program = gapped(gap)
    frames = np.zeros((4, 1, 4), np.int64)
    frames[1, 0, 2] = 1
    trace = run(program, frames, record="spikes").trace
    found = raster_of(program, trace, 0, frames)
    assert found.layers[0].name == "in"
    assert found.layers[0].events == ((2 + gap, 2),)
    assert found.layers[1].events == tuple((3 + gap, n) for n in range(3))
    assert found.rates["in"] == tuple(
        0.25 * (step == 2 + gap) for step in range(1, found.steps + 1)
    )


@pytest.mark.parametrize("gap", [0, 2])
def test_input_of_a_run_that_was_cut_ends_with_it(gap):
    program, frames = gapped(gap), np.ones((4, 1, 4), np.int64)
    trace = run(program, frames, record="spikes", steps=3).trace
    found = raster_of(program, trace, 0, frames)
    assert found.steps == 3
    assert {step for step, _ in found.layers[0].events} == set(range(1 + gap, 4))


@pytest.mark.parametrize("sample", [-1, 2])
def test_a_sample_that_is_not_there_is_refused(rng, sample):
    with pytest.raises(RangeError, match=rf"sample = {sample} is not one of the 2"):
        raster_of(net(3), recorded(rng, 2, 2, p0=3), sample)


def test_a_run_that_ends_in_the_gap_has_no_frame_in_its_raster():
    population = Population("a", (2,), Cuba.leaky(decay_v=400, threshold=640), 1)
    loop = Connection("a", "a", Dense(2 * np.eye(2, dtype=int), delay=np.full((2, 2), 3)))
    program = blanked(Program(
        "loop", "loihi1", Input("in", (2,)), (population,),
        (Connection("in", "a", Dense(np.full((2, 2), 20))), loop), "a", period=8,
    ))  # fmt: skip
    assert program.gap > 1
    inputs = np.ones((8, 1, 2), int)
    for steps in (1, program.gap, program.gap + 1):
        ran = run(program, inputs, record="spikes", steps=steps)
        raster = raster_of(program, ran.trace, inputs=inputs)
        assert raster.rates["in"] == tuple(float(s >= program.gap) for s in range(steps))


@pytest.mark.parametrize(("limit", "shown"), [(64, 64), (63, 32), (32, 32), (31, 16), (1, 1)])
def test_as_many_neurons_are_shown_as_events_fit_halved_each_time(limit, shown, monkeypatch):
    monkeypatch.setattr(raster, "MOST_EVENTS", limit)
    (layer,) = raster_of(net(200), Trace({"p0": np.ones((1, 1, 200), np.int8)})).layers
    assert len(layer.events) == len(layer.neurons_shown) == shown
    assert layer.neurons_shown[0] == 0
    assert layer.neurons_shown[-1] == (199 if shown > 1 else 0)


def test_neurons_are_shown_at_even_distances_rounded_down():
    (layer,) = raster_of(net(66), Trace({"p0": np.zeros((1, 1, 66), np.int8)})).layers
    assert list(layer.neurons_shown) == [65 * i // 63 for i in range(64)]


def test_the_first_sample_is_shown_unless_another_is_asked_for(rng):
    trace = recorded(rng, 5, 3, p0=4)
    found = raster_of(net(4), trace)
    assert found == raster_of(net(4), trace, 0)
    assert found != raster_of(net(4), trace, 1)
    assert found.sample == 0


def test_input_and_populations_of_any_shape_are_rows_in_c_order():
    program = net(6)
    grid = replace(program.populations[0], shape=(1, 2, 3))
    program = replace(program, input=Input("in", (2, 2)), populations=(grid,))
    frames = np.zeros((2, 2, 2, 2), np.int64)
    frames[1, 1, 1, 0] = 1
    spikes = np.zeros((3, 2, 1, 2, 3), np.int8)
    spikes[2, 1, 0, 1, 2] = -1
    found = raster_of(program, Trace({"p0": spikes}), 1, frames)
    assert [layer.events for layer in found.layers] == [((2, 2),), ((3, 5),)]
    assert found.rates == {"in": (0.0, 0.25, 0.0), "p0": (0.0, 0.0, 1 / 6)}


def test_a_sample_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(RangeError) as caught:
        raster_of(net(3), Trace({"p0": np.zeros((2, 5, 3), np.int8)}), 5)
    assert caught.value.hint == "choose one of 0..4"
