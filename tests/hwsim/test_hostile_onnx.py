"""Damaged and hostile program files end in a named error, in bounded time and memory."""

import resource
import time
from contextlib import suppress

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto as T
from onnx import helper, numpy_helper
from strategies import small_program

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program, Sparse, SumPool2d
from hwsim import run as run_program
from hwsim._onnx import program_bytes
from hwsim._onnx.read import program_of
from hwsim._onnx.synapses import operator
from hwsim.errors import CheckError, FileError, RangeError

RNG = np.random.default_rng(0)
WEIGHT = RNG.integers(-3, 4, (3, 4))
IMAGE = (1, 4, 4)
HUGE = 2**31 - 1


def one(synapse, source=(4,), target=None, *, high=1, **program):
    """Return a program of one connection."""
    shape = target or synapse.output_shape(source)
    return Program(
        "one", "loihi2", Input("in", source, 0, high),
        (Population("a", shape, Cuba(100, 100, 6400), program.pop("latency", 1)),),
        (Connection("in", "a", synapse, graded=high > 1),), "a", **program,
    )  # fmt: skip


CONV = Conv2d(RNG.integers(-100, 100, (2, 1, 2, 2)), padding=(1, 1))
FILES = {
    name: program_bytes(program)
    for name, program in {
        "small": small_program(RNG),
        "dense": one(Dense(WEIGHT), period=5),
        "delayed": one(Sparse.of(WEIGHT, -1, RNG.integers(0, 5, (3, 4)))),
        "conv": one(CONV, IMAGE),
        "wide": one(CONV, IMAGE, high=2**20),
        "pool": one(SumPool2d((2, 2), (2, 2)), IMAGE),
    }.items()
}


@pytest.fixture(autouse=True)
def bounded():
    """Every test stays within its time, and this process within a little more memory."""
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.monotonic() - start < 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # KiB


def refusal(name, edit):
    """Return why the file ``name`` is not read after ``edit`` of its model."""
    model = onnx.load_model_from_string(FILES[name])
    edit(model)
    with pytest.raises(FileError) as caught:
        program_of(model.SerializeToString(), "p.onnx")
    assert caught.value.message.startswith("p.onnx: ")
    assert caught.value.hint
    return caught.value.message


def step_of(model):
    scan = next(n for n in model.graph.node if n.op_type == "Scan")
    return next(a.g for a in scan.attribute if a.name == "body")


def node_of(model, kind):
    return next(n for n in step_of(model).node if n.op_type == kind)


def set_attribute(model, kind, name, value):
    attributes = node_of(model, kind).attribute
    attributes.remove(next(a for a in attributes if a.name == name))
    attributes.append(helper.make_attribute(name, value))


def tensor_of(model, name):
    return next(t for t in model.graph.initializer if t.name == name)


def set_tensor(model, name, array):
    tensor_of(model, name).CopyFrom(numpy_helper.from_array(array, name))


def declare(model, name, shape):
    """Declare another shape of what ``name`` sends."""
    value = next(v for v in step_of(model).input if v.name == f"{name}/sent")
    value.CopyFrom(helper.make_tensor_value_info(value.name, T.INT32, ("batch", *shape)))


spots = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8
)


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(sorted(FILES)), changes=spots)
def test_changed_bytes_give_a_program_or_a_named_error(name, changes):
    content = bytearray(FILES[name])
    for place, byte in changes:
        content[int(place * len(content))] = byte
    expect_a_program_or_an_error(bytes(content))


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(FILES)),
    cuts=st.tuples(*[st.floats(0, 1)] * 4),
    other=st.sampled_from(sorted(FILES)),
)
def test_cut_and_spliced_files_give_a_program_or_a_named_error(name, cuts, other):
    content, piece = FILES[name], FILES[other]
    a, b = (int(c * len(content)) for c in sorted(cuts[:2]))
    c, d = (int(c * len(piece)) for c in sorted(cuts[2:]))
    expect_a_program_or_an_error(content[:a])
    expect_a_program_or_an_error(content[:a] + piece[c:d] + content[b:])


NUMBERS = (0, 1, -1, 2, 255, HUGE, 2**31, 2**40, 2**62, 2**63 - 1, -(2**63))
TEXTS = ("", "a", "in", "in/sent", "a/decay_u", "Scan", "If", "Conv2d", "Sparse", "9" * 5000)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), name=st.sampled_from(sorted(FILES)))
def test_changed_fields_give_a_program_or_a_named_error(data, name):
    model = onnx.load_model_from_string(FILES[name])
    places = [(m, field) for m in _messages(model) for field, _ in m.ListFields()]
    for message, field in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        _change(data, message, field)
    expect_a_program_or_an_error(model.SerializeToString())


def _messages(message):
    yield message
    for field, value in message.ListFields():
        if field.message_type:
            for part in value if field.is_repeated else [value]:
                yield from _messages(part)


def _change(data, message, field):
    value = getattr(message, field.name)
    if field.message_type:
        if field.is_repeated and len(value) and data.draw(st.booleans()):
            value.append(data.draw(st.sampled_from(list(value))))
        elif not field.is_repeated or not len(value):
            message.ClearField(field.name)
        else:
            del value[data.draw(st.integers(0, len(value) - 1))]
        return
    kinds = {field.CPPTYPE_STRING: TEXTS, field.CPPTYPE_FLOAT: (float("nan"),)}
    new = data.draw(st.sampled_from(kinds.get(field.cpp_type, NUMBERS)))
    if field.type == field.TYPE_BYTES:
        new = new.encode()
    with suppress(ValueError, IndexError):  # it does not fit the field, or there is nothing left
        if field.is_repeated:
            value[data.draw(st.integers(0, max(len(value) - 1, 0)))] = new
        else:
            setattr(message, field.name, new)


def expect_a_program_or_an_error(content):
    with suppress(FileError):
        program_of(content, "p.onnx")


@pytest.mark.parametrize("dims", [[1 << 20, 1 << 20], [1 << 40, 0], [-1, 4], [1 << 62] * 4])
def test_tensors_that_are_declared_and_not_there_are_refused(dims):
    def edit(model):
        tensor = tensor_of(model, "in->a/weight")
        tensor.ClearField("dims")
        tensor.dims.extend(dims)
        if 0 in dims:
            tensor.raw_data = b""

    assert "damaged" in refusal("dense", edit) or -1 in dims


@pytest.mark.parametrize("place", ["/etc/passwd", "../../etc/passwd", "beside.bin"])
def test_tensors_in_other_files_are_refused_unread(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beside.bin").write_bytes(WEIGHT.astype(np.int8).tobytes())

    def edit(model):
        tensor = tensor_of(model, "in->a/weight")
        tensor.ClearField("raw_data")
        tensor.data_location = T.EXTERNAL
        tensor.external_data.add(key="location", value=place)

    assert "no tensor in->a/weight that holds integers itself" in refusal("dense", edit)


@pytest.mark.parametrize(
    "array",
    [
        np.full((3, 4), np.nan, np.float32),
        np.ones((3, 4), np.complex64),
        np.full((3, 4), b"1", "O"),
    ],
    ids=["float", "complex", "text"],
)
def test_tensors_of_other_types_are_refused(array):
    def edit(model):
        set_tensor(model, "in->a/weight", array)

    assert "no tensor in->a/weight that holds integers itself" in refusal("dense", edit)


def test_sources_of_any_size_are_refused_before_anything_of_that_size_is_made():
    def edit(model):
        declare(model, "in", (HUGE, 1 << 30, 1 << 30))
        declare(model, "a", (HUGE, 1 << 29, 1 << 29))

    assert "fan_out has shape (1, 16), not" in refusal("pool", edit)


def test_taps_for_terabytes_of_output_are_refused_unmade():
    def pad(model):
        set_attribute(model, "WideConv2d", "pads", [1 << 20] * 4)
        declare(model, "a", (2, (1 << 21) + 3, (1 << 21) + 3))

    assert "taps has shape (4, 25), not" in refusal("wide", pad)

    def hide(model):
        set_tensor(model, "in->a/weight", np.full((1, 1, 2000, 2000), 100, np.int8))
        set_attribute(model, "Conv2d", "pads", [1500] * 4)
        declare(model, "a", (1, 1005, 1005))

    assert "Conv2d is not the operator for these weights" in refusal("conv", hide)


def test_a_kernel_as_long_as_its_source_is_counted_at_once():
    def edit(model):
        side = 300_000
        set_tensor(model, "in->a/weight", np.ones((1, 1, side, 1), np.int8))
        set_tensor(model, "in->a/fan_out", np.full((1, side), 2))
        set_attribute(model, "Conv2d", "pads", [0] * 4)
        declare(model, "in", (1, side, 1))
        declare(model, "a", (1, 1, 1))

    start = time.monotonic()
    assert "is not the file that spikeport writes" in refusal("conv", edit)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("value", ["8", [1, 2], 1.5, helper.make_tensor("t", T.INT8, [1], [1])])
@pytest.mark.parametrize("name", ["divisor", "gain"])
def test_attributes_of_other_types_are_refused(name, value):
    refusal("dense", lambda model: set_attribute(model, "Dense", name, value))


@pytest.mark.parametrize("kind", ["Dense", "Cuba"])
def test_a_tensor_is_used_once_so_that_a_file_cannot_grow(kind):
    def edit(model):
        node = node_of(model, kind)
        step_of(model).node.extend([node] * 10_000)

    assert "used once" in refusal("dense", edit)


def test_many_nodes_functions_and_nested_graphs_end():
    def nodes(model):
        copies = [helper.make_node("Identity", ["step"], [f"x{i}"]) for i in range(100_000)]
        step_of(model).node.extend(copies)

    def functions(model):
        model.functions.extend([model.functions[0]] * 5000)

    def nested(model):
        graph = model.graph
        for i in range(24):
            graph.node.append(helper.make_node("If", ["c"], [f"x{i}"]))
            graph.node[-1].attribute.append(onnx.AttributeProto(name="then_branch"))
            graph = graph.node[-1].attribute[0].g

    assert "is not the file that spikeport writes" in refusal("dense", nodes)
    assert "does not have the registered body" in refusal("dense", functions)
    assert "is not the file that spikeport writes" in refusal("dense", nested)
    deep = b""
    for _ in range(50_000):
        deep = b"\x3a" + _varint(len(deep)) + deep  # a field that holds another of itself
        if len(deep) > 100_000:
            break
    with pytest.raises(FileError, match="is not an ONNX model"):
        program_of(deep, "p.onnx")


def _varint(value):
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def test_more_parts_and_steps_than_a_file_holds_are_named():
    many = tuple(Population(f"a{i}", (3,), Cuba(1, 1, 64), 1) for i in range(4097))
    program = Program("many", "loihi2", Input("in", (4,)), many, (), "a0", period=2**20 + 1)
    with pytest.raises(CheckError, match="4097 populations are more than 4096") as caught:
        program_bytes(program)
    assert "period = 1048577 is above 1048576" in caught.value.message
    late = one(Dense(WEIGHT), latency=HUGE)
    with pytest.raises(CheckError, match="latency = 2147483647 is above"):
        program_bytes(late)


@pytest.mark.parametrize(
    "program",
    [
        one(Sparse((HUGE, 4), np.array([5]), np.array([1]), np.array([2]))),
        one(Conv2d(np.ones((1, 1, 2, 2), int), padding=(1 << 20, 1 << 20)), IMAGE),
    ],
    ids=["sparse", "conv"],
)
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_more_neurons_than_a_machine_keeps_are_read_and_not_run(program, engine):
    read = program_of(program_bytes(program), "p.onnx")
    with pytest.raises(RangeError, match="values to keep for one sample are more than"):
        run_program(read, np.ones((2, 1, *read.input.shape), int), engine=engine)


def test_fifty_million_weights_come_back():
    weight = np.ones((50_000, 1000), np.int8)
    content = program_bytes(one(Dense(weight), (1000,)))
    start = time.monotonic()
    (connection,) = program_of(content, "p.onnx").connections
    assert connection.synapse.weights.shape == weight.shape
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(("payload", "name"), [((1 << 24) // 4 - 1, ""), ((1 << 24) // 4, "Wide")])
def test_a_pooling_is_wide_where_its_sums_leave_float32(payload, name):
    assert operator(SumPool2d((2, 2), (2, 2)), payload) == f"{name}SumPool2d"
