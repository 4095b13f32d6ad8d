"""Writing NIR files: what was written is read again bit for bit, or nothing is written."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from nir_files import affine, chain, lif, nir_bytes, port, small_net, subgraph

from hwsim.errors import CheckError, FileError
from snnexport.formats.nir.file_in import graph_of, read_file
from snnexport.formats.nir.file_out import write_file
from snnexport.formats.nir.hdf5 import parse
from snnexport.formats.nir.nodes import Node, Subgraph

DTYPES = [np.int8, np.int32, np.float16, np.float32, np.float64]


def graph(nodes, edges, metadata=None):
    return graph_of(parse(nir_bytes(nodes, edges, metadata=metadata)), "net.nir")


def again(path, written):
    """Return what is read of ``written`` after writing it, without a process of its own."""
    write_file(path, written)
    return graph_of(parse(path.read_bytes()), "net.nir")


def assert_same(one, other):
    """Compare graphs, nodes and plain values; arrays by bytes and type."""
    if isinstance(one, Subgraph):
        assert_same(one.nodes, other.nodes)
        assert one.edges == other.edges
        assert_same(one.metadata, other.metadata)
    elif isinstance(one, Node):
        assert one.kind == other.kind
        assert_same(one.fields, other.fields)
        assert_same(one.metadata, other.metadata)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name, value in one.items():
            assert_same(value, other[name])
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape, one.tolist()) == (other.dtype, other.shape, other.tolist())
        assert one.dtype == object or one.tobytes() == other.tobytes()
    else:
        assert (one, type(one)) == (other, type(other))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data(), st.sampled_from(DTYPES))
def test_weights_of_every_type_come_back_bit_for_bit(tmp_path, data, dtype):
    elements = {"allow_nan": False, "allow_infinity": False} if dtype(0.5) else {}
    weight = data.draw(arrays.arrays(dtype, (3, 4), elements=elements))
    nodes, edges = small_net(4, 3)
    nodes["fc"]["weight"] = weight
    written = graph(nodes, edges)
    assert_same(written, again(tmp_path / "net.nir", written))


def test_nested_graphs_metadata_and_sizes_come_back(tmp_path):
    inner = subgraph({"i": port("Input", 3), "a.lif": lif(3), "o": port("Output", 3)},
                     chain("i", "a.lif", "o"), {"why": "recurrent"})  # fmt: skip
    pool = {name: np.array(value) for name, value in
            {"kernel_size": [2, 2], "stride": [2, 1], "padding": [0, 0]}.items()}  # fmt: skip
    nodes = {
        "input": port("Input", 2, 2, 4),
        "pool": {"type": "SumPool2d", **pool},
        "flat": {"type": "Flatten", "start_dim": 0},
        "fc": affine(np.ones((3, 6)), np.arange(3.0)),
        "sub": inner,
        "output": port("Output", 3),
    }
    metadata = {"dt": 1e-3, "rule": "subtract", "deep": {"ints": np.arange(3, dtype=np.int8)},
                "names": np.array(["a", "b"], object)}  # fmt: skip
    written = graph(nodes, chain(*nodes), metadata)
    assert_same(written, again(tmp_path / "net.nir", written))


def test_equal_graphs_give_equal_bytes_and_the_reader_takes_them(tmp_path):
    for name in ("one.nir", "two.nir"):
        write_file(tmp_path / name, graph(*small_net()))
    assert (tmp_path / "one.nir").read_bytes() == (tmp_path / "two.nir").read_bytes()
    assert read_file(tmp_path / "one.nir").version == "1.0.8"


@pytest.mark.parametrize("name", ["", ".", "a/b", "a\nb"])
def test_names_that_hdf5_cannot_hold_are_refused(tmp_path, name):
    whole = graph(*small_net())
    nodes = {name if key == "lif" else key: node for key, node in whole.nodes.items()}
    with pytest.raises(CheckError, match="is no name that HDF5 can hold"):
        write_file(tmp_path / "net.nir", Subgraph(nodes, whole.edges))
    assert not list(tmp_path.iterdir())


def test_a_graph_that_could_not_be_read_is_not_written(tmp_path):
    (tmp_path / "net.nir").write_bytes(b"before")
    whole = graph(*small_net())
    with pytest.raises(CheckError, match="dangling edge"):
        write_file(tmp_path / "net.nir", Subgraph(whole.nodes, (*whole.edges, ("fc", "gone"))))
    assert (tmp_path / "net.nir").read_bytes() == b"before"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(FileError, match="cannot be written"):
        write_file(tmp_path, graph(*small_net()))
