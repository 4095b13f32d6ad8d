"""How a run takes its input, whatever the engine: batches, streams, sizes, and what is refused."""

import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from strategies import frames, small_program

from hwsim import (
    Blank,
    Connection,
    Cuba,
    Dense,
    GradedRelay,
    Input,
    LeakyIntegrator,
    Population,
    Program,
    Readout,
    Record,
    Sparse,
    SpikeportError,
    count,
    run,
)
from hwsim.errors import RangeError, UnsupportedError
from hwsim.simulate import ENGINES


@pytest.fixture(params=sorted(ENGINES))
def engine(request):
    return request.param


def single(neuron, *, high=1, weight=1):
    """One input value into one neuron."""
    return Program(
        "one", "loihi2", Input("in", (1,), 0, high), (Population("n", (1,), neuron, 1),),
        (Connection("in", "n", Dense(np.array([[weight]])), graded=True),), "n",
    )  # fmt: skip


def same(a, b):
    assert (a.outputs == b.outputs).all()
    assert a.counts == b.counts


def test_batches_one_by_one_equal_one_array(rng, engine):
    p = small_program(rng)
    x = frames(rng, p, batch=7)
    whole = run(p, x, engine=engine)
    same(run(p, iter([x[:, :3], x[:, 3:4], x[:, 4:]]), engine=engine), whole)


def test_a_memory_map_any_integer_type_and_any_stride_are_taken(rng, engine, tmp_path):
    p = small_program(rng)
    x = frames(rng, p, batch=4)
    whole = run(p, x, engine=engine)
    np.save(tmp_path / "x.npy", x.astype(np.uint8))
    same(run(p, np.load(tmp_path / "x.npy", mmap_mode="r"), engine=engine), whole)
    for kind in (np.int8, np.uint16, np.int64):
        same(run(p, x.astype(kind), engine=engine), whole)
    same(run(p, np.asfortranarray(x), engine=engine), whole)
    same(run(p, np.repeat(x, 2, axis=1)[:, ::2], engine=engine), whole)


def test_booleans_are_spikes(rng, engine):
    p = small_program(rng, high=1)
    x = frames(rng, p)
    same(run(p, x.astype(bool), engine=engine), run(p, x, engine=engine))


def test_memory_of_a_stream_does_not_grow_with_its_length(rng, engine):
    p = small_program(rng)
    batch = frames(rng, p, batch=8)

    def peak(batches):
        tracemalloc.start()
        run(p, (batch.copy() for _ in range(batches)), engine=engine)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)
    assert peak(40) < peak(4) + 200_000, "outputs alone: 40 x 8 x 7 numbers"


def test_a_record_of_batches_one_by_one_is_refused(rng, engine):
    p = small_program(rng)
    with pytest.raises(UnsupportedError, match="record='spikes' of batches that come one by one"):
        run(p, iter([frames(rng, p)]), engine=engine, record="spikes")


def test_batches_of_different_length_are_refused(rng, engine):
    p = small_program(rng)
    batches = [frames(rng, p, steps=5), frames(rng, p, steps=6)]
    done = []
    with pytest.raises(RangeError, match="a batch of 6 frames follows one of 5"):
        run(p, iter(batches), engine=engine, progress=lambda steps, _: done.append(steps))
    assert done[-1] == 3 * (5 + p.latency), "the second did not start"
    with pytest.raises(RangeError, match="there is no batch"):
        run(p, iter([]), engine=engine)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x[:, :0], "neither may be empty"),
        (lambda x: x[:0], "neither may be empty"),
        (lambda x: np.full(x.shape, np.nan), "values are float64, not integers"),
        (lambda x: x.astype(object), "values are object, not integers"),
        (lambda x: x.astype(complex), "values are complex128"),
        (lambda x: (x * 0).astype(np.uint64) + 2**63, "does not fit 0..16"),
        (lambda x: x[..., 0], r"is not \(T, B, 2, 9, 8\)"),
        (lambda x: np.ma.masked_array(x, x > 0), "the array is masked"),
        (lambda x: [np.ma.masked_array(x, x > 0)], "the array is masked"),
        (lambda x: x.tolist(), "an iterable is taken as batches"),
        (lambda x: list(x), r"batch 0 of the spikes has shape \(3, 2, 9, 8\), which is no batch"),
        (lambda x: [x, [[1], [1, 2]]], "batch 1 of the spikes"),
        (lambda x: None, "spikes is a NoneType, not an array or an iterable of batches"),
        (lambda x: 5, "spikes is a int, not an array"),
        (lambda x: "in.npy", "spikes is a str, not an array"),
        (lambda x: Path("in.npy"), "spikes is a .*Path, not an array"),
        (lambda x: {"in": x}, "spikes is a dict, not an array"),
    ],
)
def test_wrong_input_is_refused_before_the_run(rng, spoil, message, engine):
    p = small_program(rng)
    with pytest.raises(RangeError, match=message):
        run(p, spoil(frames(rng, p)), engine=engine)


@pytest.mark.parametrize("option", ["steps", "threads", "block_steps"])
def test_options_below_one_are_refused(rng, option, engine):
    p = small_program(rng)
    with pytest.raises(RangeError, match=rf"{option} = 0 does not fit 1\.\."):
        run(p, frames(rng, p), engine=engine, **{option: 0})
    for wrong in (1.5, "3", True, np.nan):
        with pytest.raises(SpikeportError, match=f"{option} = .* is not a whole number"):
            run(p, frames(rng, p), engine=engine, **{option: wrong})


def test_a_record_may_be_the_member_itself(rng, engine):
    p = small_program(rng)
    x = frames(rng, p)
    for member in Record:
        named = run(p, x, engine=engine, record=member.value).trace
        found = run(p, x, engine=engine, record=member).trace
        assert (found and found.arrays.keys()) == (named and named.arrays.keys())


def test_a_run_cut_into_single_columns_is_the_same_run(rng, engine, monkeypatch):
    p = small_program(rng)
    x = frames(rng, p, batch=5)
    whole = run(p, x, engine=engine, record="state")
    monkeypatch.setattr("hwsim.simulate._CELLS_AT_ONCE", 1)
    cut = run(p, x, engine=engine, record="state")
    same(cut, whole)
    for name, array in whole.trace.arrays.items():
        assert (cut.trace.arrays[name] == array).all()
    same(run(p, iter([x[:, :2], x[:, 2:]]), engine=engine), whole)


def test_what_delays_remember_counts_as_memory(monkeypatch):
    late = np.full(10, 62)
    p = single(Cuba.integrator(64))
    p = replace(
        p, populations=(replace(p.populations[0], shape=(10,)),),
        connections=(Connection("n", "n", Sparse.identity(10, delay=62)),),
    )  # fmt: skip
    monkeypatch.setattr("hwsim.simulate._CELLS_AT_ONCE", 2 * (1 + late.size * 63))
    done = [0]
    x = np.ones((3, 6, 1), int)
    run(p, x, engine="reference", progress=lambda steps, _: done.append(steps))
    assert set(np.diff(done)) == {2}, "two columns at once"


@pytest.mark.parametrize("steps", [1, 2, 3, 6, 7, 8, 13, 14])
def test_a_cut_run_counts_the_messages_that_its_lines_sent(engine, steps):
    """Gap 1, period 6: the line sends in steps 1, 7 and 13, the 5 frames in steps 2 to 6."""
    p = single(Cuba.integrator(64))
    p = replace(
        p, period=6, blank=Blank("line", 1), populations=(replace(p.populations[0], latency=2),),
        connections=(*p.connections, Connection("line", "n", Dense(np.array([[-9]])))),
    )  # fmt: skip
    x = np.ones((5, 3, 1), int)
    result = run(p, x, engine=engine, record="spikes", steps=steps)
    sent = {c.source: c.messages for c in result.counts.connections}
    blanks = 1 + (steps >= 7) + (steps >= 13)
    assert sent == {"in": 3 * min(steps - 1, 5), "line": 3 * blanks}
    assert count(p, x, result.trace)[1] == result.counts.synops
    assert p.frames_sent(steps) == steps - 1
    assert p.blanks_sent(steps) == blanks == sum(map(p.blanks_in, range(1, steps + 1)))


def test_one_frame_one_neuron_one_sample(engine):
    p = single(Cuba.integrator(64))
    result = run(p, np.ones((1, 1, 1), int), engine=engine, record="state")
    assert result.trace.spikes["n"].ravel().tolist() == [0, 0]
    assert result.trace.v["n"].ravel().tolist() == [0, 64], "equality does not fire"
    strong = run(single(Cuba.integrator(0)), np.ones((1, 1, 1), int), engine=engine)
    assert strong.outputs.tolist() == [[1]]
    assert strong.counts.populations[0].always_firing == 1


def test_all_zero_weights_leave_biases_alone(rng, engine):
    p = small_program(rng)
    silent = tuple(
        replace(c, synapse=replace(c.synapse, weight=c.synapse.weight * 0)) for c in p.connections
    )
    counts = run(replace(p, connections=silent), frames(rng, p), engine=engine).counts
    assert counts.synops > 0, "a zero weight of a dense format is a synapse"
    assert all(c.driven == 0 for c in counts.populations)


def test_silent_and_always_firing_populations_are_counted(rng, engine):
    p = small_program(rng)
    shapes = [q.shape for q in p.populations]
    neurons = [Cuba(4096, 0, 0, 64), Cuba(4096, 0, 131072 * 64), Cuba(4096, 0, 0, 1)]
    pairs = zip(p.populations, neurons, strict=True)
    p = replace(p, populations=tuple(replace(q, neuron=n) for q, n in pairs))
    excite = tuple(
        replace(c, synapse=replace(c.synapse, weight=np.abs(c.synapse.weight)))
        for c in p.connections
    )
    full = np.full((5, 2, 2, 9, 8), 16)
    first, second, third = run(
        replace(p, connections=excite), full, engine=engine
    ).counts.populations
    assert first.always_firing == np.prod(shapes[0])
    assert second.silent == np.prod(shapes[1])
    assert third.always_firing == 7
    assert third.spikes == third.updates


def test_a_million_neurons_run_in_little_memory():
    script = """
import sys
from pathlib import Path
import numpy as np
def peak():  # of this program alone, in MiB; the ru_maxrss of a child begins at its parent's
    (line,) = [n for n in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in n]
    return int(line.split()[1]) // 1024
from hwsim import *
side = 1000
p = Program("large", "loihi2", Input("in", (1, side, side)),
    (Population("a", (1, side, side), Cuba.leaky(400, 64), 1),
     Population("b", (1, side, side), Cuba(3000, 400, 640), 2)),
    (Connection("in", "a", Conv2d(np.full((1, 1, 3, 3), 2), padding=(1, 1))),
     Connection("a", "b", Sparse.identity(side * side, 20))), "b")
x = np.zeros((12, 1, 1, side, side), np.int8)
x[:, 0, 0, ::50, ::50] = 1
before = peak()
counts = run(p, x, engine=sys.argv[1]).counts
assert counts.populations[0].spikes > 1000 and counts.populations[1].spikes > 100, counts
print(peak() - before)
"""
    for name, limit in (("native", 400), ("reference", 1500), ("torch", 1500)):
        done = subprocess.run(
            [sys.executable, "-c", script, name], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) < limit, f"{name}: {done.stdout} MiB for 2 million neurons"


def test_graded_messages_of_a_relay_carry_their_payload_if_the_connection_is_graded(engine):
    p = single(GradedRelay(), high=1000, weight=-3)
    reader = Population("v", (1,), LeakyIntegrator(4096, 0), 2)
    x = np.array([5, 0, 1000]).reshape(3, 1, 1)
    for graded, total in ((True, -3 * (5 + 5 + 1005)), (False, 1 + 1 + 2)):
        link = Connection("n", "v", Dense(np.array([[1]])), graded=graded)
        whole = replace(
            p, populations=(*p.populations, reader), connections=(*p.connections, link),
            output="v", readout=Readout.VOLTAGE,
        )  # fmt: skip
        assert run(whole, x, engine=engine).outputs.item() == 64 * total
    relayed = run(p, x, engine=engine, record="spikes").trace.spikes["n"]
    assert relayed.dtype == np.int32
    assert relayed.ravel().tolist() == [0, -15, 0, -3000]


def test_parallel_connections_with_labels_add_up(rng, engine):
    p = single(Cuba.integrator(64 * 5))
    two = (
        Connection("in", "n", Dense(np.array([[2]])), label="a"),
        Connection("in", "n", Sparse.identity(1, 4)),
    )
    result = run(replace(p, connections=two), np.ones((3, 1, 1), int), engine=engine)
    assert [c.name for c in result.counts.connections] == ["in->n#a", "in->n"]
    assert result.outputs.item() == 3


def test_progress_counts_up_to_the_steps_of_all_columns(rng, engine):
    p = small_program(rng)
    said = []
    run(p, frames(rng, p, batch=3), engine=engine, progress=lambda *x: said.append(x))
    assert said[-1] == (3 * (5 + p.latency), 3 * (5 + p.latency))
    assert [done for done, _ in said] == sorted(done for done, _ in said)
