"""Damaged and hostile NIR files end in a named error, in bounded time and memory."""

import io
import pickle
import zipfile
from contextlib import suppress

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nir_files import affine, chain, conv2d, lif, nir_bytes, nir_file, port, small_net, subgraph

from hwsim.errors import FileError, SpikeportError
from snnexport.formats import sandbox
from snnexport.formats.nir import hdf5
from snnexport.formats.nir.file_in import graph_of, read_file
from snnexport.formats.nir.flat import flattened
from snnexport.formats.nir.hdf5 import DEPTH_MAX, OBJECTS_MAX, TEXT_MAX, packed, parse, unpacked
from snnexport.formats.nir.nodes import KINDS

CONTENT = nir_bytes(*small_net())
PLACE = "node/nodes/fc"
pytestmark = pytest.mark.usefixtures("bounded")


@pytest.fixture
def refused(tmp_path):
    """A function that writes bytes to a file and returns why it is not read."""

    def read(content):
        path = tmp_path / "net.nir"
        path.write_bytes(content)
        with pytest.raises(FileError) as caught:
            read_file(path)
        assert caught.value.message.startswith(f"{path}: ")
        assert caught.value.hint
        return caught.value.message.removeprefix(f"{path}: ")

    return read


def edited(edit):
    """Return the small network's file after ``edit`` changed its group of the Affine."""
    held = io.BytesIO(CONTENT)
    with h5py.File(held, "a") as file:
        edit(file[PLACE])
    return held.getvalue()


def problem(edit):
    with pytest.raises(FileError) as caught:
        parse(edited(edit))
    return caught.value.message


class Trap:
    def __reduce__(self):
        return pytest.fail, ("a file was unpickled",)


def zipped(name, content):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr(name, content)
    return held.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"a text", "is no HDF5 file, and NIR files are HDF5"),
        (zipped("readme", b""), "is a zip archive, and NIR files are HDF5"),
        (zipped("net/data.pkl", pickle.dumps(Trap())), "is a torch archive (or a pickle), not"),
        (pickle.dumps(Trap()), "is a torch archive (or a pickle), not"),
        (CONTENT[:100], "is damaged or no HDF5 file: "),
        (CONTENT[:-1], "is damaged or no HDF5 file: "),
    ],
    ids=["empty", "text", "zip", "torch", "pickle", "start", "cut"],
)
def test_what_is_no_nir_file_is_named_and_not_unpickled(refused, content, said):
    assert refused(content).startswith(said)


def test_a_torch_archive_says_how_to_export_nir(tmp_path):
    (tmp_path / "net.nir").write_bytes(zipped("archive/data.pkl", b""))
    with pytest.raises(FileError) as caught:
        read_file(tmp_path / "net.nir")
    assert "export_to_nir" in caught.value.hint


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        read_file(tmp_path / "net.nir")
    with pytest.raises(FileError, match="cannot be read"):
        read_file(tmp_path)


def test_an_hdf5_file_of_something_else_is_named(refused):
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        file["layer"] = 1
    assert refused(held.getvalue()) == "holds no /node of type NIRGraph"


def test_other_versions_than_a_text_are_refused(refused):
    held = io.BytesIO(CONTENT)
    with h5py.File(held, "a") as file:
        del file["version"]
        file["version"] = 1
    assert refused(held.getvalue()) == "its /version is no text"


SOURCE = h5py.VirtualSource("other.h5", "secret", (1,))
LAYOUT = h5py.VirtualLayout((1,), float)
LAYOUT[0] = SOURCE[0]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda g: g.__setitem__("x", h5py.SoftLink("/node")), "x is a SoftLink, not data"),
        (lambda g: g.__setitem__("x", h5py.ExternalLink("a.h5", "/")), "x is a ExternalLink"),
        (lambda g: g.__setitem__("x", g), "fc/x is a second link to what was already read"),
        (lambda g: g.__setitem__("x", g.parent), "fc/x is a second link to what was already"),
        (lambda g: g.__setitem__("x", g["weight"]), "x is a second link to what was already"),
        (lambda g: g.create_virtual_dataset("x", LAYOUT), "x is virtual, external or packed"),
        (
            lambda g: g.create_dataset("x", (1,), "i1", external=[("/etc/passwd", 0, 1)]),
            "x is virtual, external or packed",
        ),
        (lambda g: g.__setitem__("x", g.ref), "x holds object, not numbers or texts"),
        (lambda g: g.__setitem__("x", np.zeros(2, "i4,f4")), "not numbers or texts"),
        (lambda g: g.__setitem__("x", np.zeros(2, complex)), "x holds complex128, not numbers"),
        (lambda g: g.__setitem__("x", np.zeros(2, np.longdouble)), "not numbers or texts"),
        (lambda g: g.__setitem__("x", h5py.Empty("f4")), "x is no dataset with values"),
        (lambda g: g.__setitem__("x", np.dtype("f4")), "x is no dataset with values"),
        (lambda g: g.__setitem__("x", "a" * (TEXT_MAX + 1)), "x holds a text of over"),
        (lambda g: g.create_group("a\nb"), r"holds the name 'a\nb', which is no name"),
        (lambda g: g.__setitem__("x", b"\xff\xfe"), "is damaged or no HDF5 file: 'utf"),
        (
            lambda g: g.create_dataset("x", (10**6, 10**6), "f4", chunks=(64, 64)),
            "x of shape (1000000, 1000000) does not fit into a file of its size",
        ),
        (
            lambda g: g.create_dataset("x", (10**6,), "f4", chunks=(64,), compression="gzip"),
            "x of shape (1000000,) does not fit into a file of its size",
        ),
        (
            lambda g: g.create_dataset("x", (80_000_000,), "f4", data=None),
            "x of shape (80000000,) does not fit into a file of its size",
        ),
    ],
)  # fmt: skip
def test_what_leads_out_of_the_file_or_is_no_plain_data_is_refused(edit, said):
    assert said in problem(edit)


def test_zeros_packed_to_nothing_are_read_up_to_a_limit(monkeypatch):
    def zeros(count):
        def edit(group):
            for index in range(count):
                group.create_dataset(f"x{index}", data=np.zeros(600_000, "i1"), compression=9)

        return edit

    monkeypatch.setattr(hdf5, "_DATA_MAX", 1_000_000)
    assert parse(edited(zeros(1)))
    assert "/x1 of shape (600000,) does not fit into a file of its size" in problem(zeros(2))


def test_groups_too_deep_or_too_many_are_refused_in_time():
    def deep(group):
        for _ in range(10_000):
            group = group.create_group("g")

    def many(group):
        for index in range(OBJECTS_MAX + 1):
            group.create_group(str(index))

    assert problem(deep) == f"has groups within groups, over {DEPTH_MAX} deep"
    assert f"fc holds {OBJECTS_MAX + 4} names" in problem(many)


def test_a_file_that_takes_too_much_memory_is_given_up(tmp_path, monkeypatch):
    path = nir_file(tmp_path / "net.nir", *small_net())
    monkeypatch.setattr(sandbox, "_MEMORY", 0)
    with pytest.raises(FileError, match=f"{path}: is damaged: reading it crashed, or took over"):
        read_file(path)


def test_the_tree_survives_the_way_between_processes():
    metadata = {"é": "ü", "texts": np.array([["a", ""]], object), "bits": np.array([True])}
    content = nir_bytes(*small_net(), metadata=metadata)
    tree = unpacked(packed(content))["node"]
    assert tree["metadata"]["é"] == "ü"
    assert tree["metadata"]["texts"].tolist() == [["a", ""]]
    assert tree["metadata"]["bits"].dtype == bool
    before = parse(content)["node"]["nodes"]
    assert tree["nodes"].keys() == before.keys()
    assert np.array_equal(tree["nodes"]["fc"]["weight"], before["fc"]["weight"])


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=st.lists(st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(1, 255)),
                        min_size=1, max_size=8))  # fmt: skip
def test_changed_bytes_never_give_another_error(tmp_path, changes):
    content = bytearray(CONTENT)
    for place, bits in changes:
        content[place] ^= bits
    path = tmp_path / "net.nir"
    path.write_bytes(content)
    with suppress(SpikeportError):
        flattened(read_file(path).graph, "net.nir")


arrays = st.builds(
    lambda shape, value, dtype: np.full(shape, value).astype(dtype),
    st.lists(st.integers(0, 3), max_size=4),
    st.sampled_from([0, 1, 2, -1, 0.5, np.nan]),
    st.sampled_from(["f4", "i8", "?"]),
).filter(lambda array: array.size < 100)
values = arrays | st.sampled_from(["same", "valid", "", "LIF"]) | st.just({"deep": 1})
fields = sorted({name for kind in KINDS.values() for name in kind.fields} | {"metadata", "other"})


@st.composite
def random_node(draw):
    kind = draw(st.sampled_from(sorted(KINDS)))
    mine = {name: draw(values) for name in KINDS[kind].fields if draw(st.integers(0, 9))}
    return {
        "type": kind,
        **mine,
        **draw(st.dictionaries(st.sampled_from(fields), values, max_size=1)),
    }


names = st.sampled_from(["input", "output", "a", "b", "a.b", "c"])
trees = st.recursive(
    random_node(),
    lambda inner: st.builds(
        subgraph,
        st.dictionaries(names, inner, max_size=5),
        st.lists(st.tuples(names, names), max_size=6),
    ),
    max_leaves=8,
)


def flat_or_refused(nodes, edges, repair):
    with suppress(SpikeportError):
        graph = graph_of(parse(nir_bytes(nodes, edges)), "net.nir")
        found = flattened(graph, "net.nir", repair=repair)
        assert set(found.order) == set(found.nodes) == set(found.shapes)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(nodes=st.dictionaries(names, trees, max_size=6), edges=st.lists(st.tuples(names, names)),
       repair=st.booleans())  # fmt: skip
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
def test_random_trees_never_give_another_error(nodes, edges, repair):
    flat_or_refused(nodes, edges, repair)


shape = st.lists(st.integers(1, 3), max_size=4).map(tuple)
whole_node = st.one_of(
    st.builds(lambda s: lif(*s), shape),
    st.builds(lambda s: affine(np.ones(s)), shape.filter(lambda s: len(s) > 1)),
    st.builds(lambda s, i: conv2d(np.ones(s), i), st.tuples(*[st.integers(1, 3)] * 4),
              st.none() | st.just(np.array([3, 3]))),
    st.builds(lambda a, b: {"type": "Flatten", "start_dim": a, "end_dim": b},
              st.integers(-3, 3), st.integers(-3, 3)),
    st.just({"type": "AvgPool2d", "kernel_size": 2, "stride": 2, "padding": 0}),
    st.just(subgraph({"i": port("Input", 3), "o": port("Output", 3)}, [("i", "o")])),
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.lists(whole_node, min_size=1, max_size=4), shape, shape, st.booleans())
def test_random_graphs_of_whole_nodes_never_give_another_error(data, inner, first, last, repair):
    nodes = {"input": port("Input", *first), **{f"n{i}": node for i, node in enumerate(inner)},
             "output": port("Output", *last)}  # fmt: skip
    name = st.sampled_from(sorted(nodes))
    more = data.draw(st.lists(st.tuples(name, name), max_size=2))
    flat_or_refused(nodes, [*chain(*nodes), *more], repair)
