"""On any network the engines compute the same, however a run is cut up, and so does onnxruntime."""

from dataclasses import replace

import numpy as np
from draw import Network, networks
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from hwsim import count, run
from hwsim.errors import UnsupportedError
from hwsim.simulate import ENGINES
from snnexport import oracle

repeatable = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
OTHERS = sorted({*ENGINES} - {"reference"})
anything = networks(lava_ready=False)


def assert_same_arrays(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert array.dtype == theirs[name].dtype, name
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)


def assert_same_run(ours, theirs):
    assert (ours.outputs == theirs.outputs).all()
    assert ours.counts == theirs.counts
    assert_same_arrays(ours.trace.arrays, theirs.trace.arrays)


def ran(net: Network, engine: str, **options):
    return run(net.program, net.frames, engine=engine, record="state", **options)


@settings(repeatable, max_examples=200)
@given(net=anything)
def test_every_engine_computes_every_output_count_and_state_of_the_reference(net):
    want = ran(net, "reference")
    for engine in OTHERS:
        assert_same_run(ran(net, engine), want)


@settings(repeatable, max_examples=60)
@given(net=anything, steps=st.integers(1, 40))
def test_engines_agree_on_runs_shorter_and_longer_than_the_input(net, steps):
    want = ran(net, "reference", steps=steps)
    for engine in OTHERS:
        assert_same_run(ran(net, engine, steps=steps), want)


@settings(repeatable, max_examples=60)
@given(net=anything, threads=st.integers(1, 5))
def test_threads_and_blocks_of_time_change_nothing(net, threads):
    whole = ran(net, "native", threads=1)
    for block in (1, 2, 3, 7, 16, len(net.frames), 999):
        assert_same_run(ran(net, "native", threads=threads, block_steps=block), whole)


@settings(repeatable, max_examples=60)
@given(net=anything, block=st.integers(1, 17))
def test_blocks_of_time_change_nothing_in_tensors(net, block):
    assert_same_run(ran(net, "torch", block_steps=block), ran(net, "torch"))


@settings(repeatable, max_examples=60)
@given(net=anything, engine=st.sampled_from(list(ENGINES)), data=st.data())
def test_a_column_does_not_know_which_batch_it_is_in(net, engine, data):
    whole, batch = ran(net, engine), net.frames.shape[1]
    at = data.draw(st.integers(0, batch))
    parts = [replace(net, frames=f) for f in np.split(net.frames, [at], axis=1) if f.size]
    runs = [ran(part, engine) for part in parts]
    assert (np.concatenate([r.outputs for r in runs]) == whole.outputs).all()
    for name, array in whole.trace.arrays.items():
        joined = np.concatenate([r.trace.arrays[name] for r in runs], axis=1)
        np.testing.assert_array_equal(joined, array, err_msg=name)
    assert sum(r.counts.spikes for r in runs) == whole.counts.spikes
    assert sum(r.counts.synops for r in runs) == whole.counts.synops


@settings(repeatable, max_examples=60)
@given(net=anything, engine=st.sampled_from(list(ENGINES)))
def test_counts_are_those_of_the_trace_counted_the_slow_way(net, engine):
    found = ran(net, engine)
    spikes, synops = count(net.program, net.frames, found.trace)
    assert {p.name: p.spikes for p in found.counts.populations} == spikes
    assert found.counts.synops == synops


@settings(repeatable, max_examples=60)
@given(net=networks(lava_ready=True))
def test_onnxruntime_computes_every_activation_state_and_spike_of_the_reference(net):
    try:
        theirs = oracle.run(net.program, net.frames)
    except UnsupportedError:
        event("refused: a convolution's sums exceed what the file's operator holds")
        return
    assert_same_arrays(ran(net, "reference").trace.arrays, theirs.arrays)
