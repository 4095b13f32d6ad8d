"""Reading NIR files: what is there comes out as it is, and everything wrong is named."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from nir_files import affine, conv2d, lif, nir_bytes, nir_file, port, small_net, subgraph

from hwsim.errors import CheckError, FileError
from snnexport.formats.nir.file_in import graph_of, read_file
from snnexport.formats.nir.hdf5 import parse
from snnexport.formats.nir.nodes import KINDS, Subgraph

COUNTS = "is not whole numbers from 1, one an axis"
PADDING = "whole numbers from 0, one an axis, or 'same' or 'valid'"
SHAPE = "is not a shape: whole numbers from 1"
EDGES = "in: edges is no list of pairs of names"
KERNEL = np.ones((2, 1, 3, 3))
NORSE = Path(__file__).parents[4] / "shared" / "golden" / "nir_lif" / "lif_norse.nir"


def graph(nodes, edges=(), **options):
    return graph_of(parse(nir_bytes(nodes, edges, **options)), "net.nir")


def problems(**nodes):
    """Return what is wrong with a file of ``nodes``."""
    with pytest.raises(CheckError) as caught:
        graph(nodes)
    assert caught.value.message.startswith("net.nir: ")
    return caught.value.problems


def test_a_file_gives_its_graph_version_and_hash(tmp_path):
    nodes, edges = small_net()
    nodes["lif"]["metadata"] = {"reset": "zero", "deep": {"dt": 0.5, "names": np.array(["a"], "O")}}
    path = nir_file(tmp_path / "net.nir", nodes, edges, version="0.2.0", metadata={"by": "hand"})
    file = read_file(path)
    assert file.version == "0.2.0"
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file.graph.edges == tuple(edges)
    assert file.graph.metadata == {"by": "hand"}
    assert {name: node.kind for name, node in file.graph.nodes.items()} == {
        name: node["type"] for name, node in nodes.items()
    }
    weight = file.graph.nodes["fc"].fields["weight"]
    assert weight.dtype == np.float32
    assert weight.tobytes() == nodes["fc"]["weight"].tobytes()
    metadata = file.graph.nodes["lif"].metadata
    assert metadata["reset"] == "zero"
    assert metadata["deep"]["dt"] == 0.5
    assert metadata["deep"]["names"].tolist() == ["a"]


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float16", "float32", "float64"])
def test_weights_keep_their_type(dtype):
    weight = np.arange(6).reshape(2, 3).astype(dtype)
    read = graph({"fc": {"type": "Linear", "weight": weight}}).nodes["fc"].fields["weight"]
    assert read.dtype == dtype
    assert np.array_equal(read, weight)


def test_what_a_file_leaves_out_has_the_default_of_nir():
    ones = np.full(3, 2.0)
    current = dict.fromkeys(("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"), ones)
    read = graph(
        {
            "lif": lif(3, v_reset=None),
            "cuba": {"type": "CubaLIF", **current},
            "flat": {"type": "Flatten"},
            "conv": conv2d(np.ones((1, 1, 2, 2))),
        }
    ).nodes
    assert read["lif"].fields["v_reset"].tolist() == [0, 0, 0]
    assert read["cuba"].fields["v_reset"].tolist() == [0, 0, 0]
    assert read["cuba"].fields["w_in"].tolist() == [1, 1, 1]
    assert read["flat"].fields == {"input_type": None, "start_dim": 1, "end_dim": -1}
    assert read["conv"].fields["input_shape"] is None


def test_an_input_weight_alone_is_spread_as_nir_spreads_it():
    ones = dict.fromkeys(("tau_syn", "tau_mem", "r", "v_leak"), np.ones(3))
    read = graph({"li": {"type": "CubaLI", **ones, "w_in": np.float32(0.5)}})
    assert read.nodes["li"].fields["w_in"].tolist() == [0.5] * 3


def test_sizes_are_one_number_an_axis_and_plain_where_there_is_one_axis():
    conv = conv2d(np.ones((1, 1, 2, 2)), np.array([4, 5]), stride=2, padding="same", dilation=1)
    conv["stride"] = 1
    line = {
        **conv, "type": "Conv1d", "weight": np.ones((1, 1, 2)), "stride": np.array([3]),
        "padding": 1, "input_shape": 7,
    }  # fmt: skip
    read = graph({"conv": conv, "line": line}).nodes
    assert read["conv"].fields["stride"] == (1, 1)
    assert read["conv"].fields["input_shape"] == (4, 5)
    assert read["conv"].fields["padding"] == "same"
    assert read["line"].fields["stride"] == 3
    assert read["line"].fields["padding"] == 1
    assert read["line"].fields["input_shape"] == 7


def test_graphs_within_graphs_and_dots_in_names_are_kept():
    inner, edges = small_net()
    read = graph({"a.b": subgraph({"c": subgraph(inner, edges)}, [])}).nodes["a.b"]
    assert isinstance(read, Subgraph)
    assert read.nodes["c"].edges == tuple(edges)


@pytest.mark.skipif(not NORSE.exists(), reason="there is no shared/golden beside the repository")
def test_the_shared_file_of_norse_is_read():
    file = read_file(NORSE)
    assert file.version == "0.1.1"
    assert file.graph.nodes["1"].fields["tau"].tolist() == [np.float32(0.0025)]


def test_unknown_kinds_are_named_with_those_that_are_known():
    (found,) = problems(a={"type": "Conv3d"})
    assert found.startswith("a: is a node of unknown type 'Conv3d'; nir 1.0.8 has ")
    assert all(kind in found for kind in [*KINDS, "NIRGraph"])
    assert problems(a={"weight": 1})[0].startswith("a: is a node without a type")
    assert problems(a={"type": 3})[0].startswith("a: is a node without a type")


def test_every_problem_of_every_node_is_listed_at_once():
    found = problems(
        fc={"type": "Affine", "weight": np.ones((2, 3)), "wieght": 1},
        deep=subgraph({"lif": lif(2, tau=np.zeros(2))}, []),
    )
    assert set(found) == {
        "fc: Affine has no field 'wieght'; it has weight, bias",
        "fc: bias is missing",
        "deep.lif: tau = 0.0 is not above 0, as a time constant is",
    }


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        (lif(2, tau=np.array([1.0, -1.0])), "tau = -1.0 is not above 0, as a time constant is"),
        (lif(2, r=np.array([1.0, np.nan])), "r holds NaN or infinity (1 values)"),
        (lif(2, v_threshold=np.full(2, np.inf)), "v_threshold holds NaN or infinity (2 values)"),
        (lif(2, r=np.array([True, False])), "r holds bool, not numbers"),
        (lif(2, r="much"), "r is the text 'much', not numbers"),
        (lif(2, r={"value": 1.0}), "r holds nested data, not values"),
        (lif(2, r=np.array(["1", "2"], object)), "r holds object, not numbers"),
        (lif(2, r=np.zeros((0, 2))), "r of shape (0, 2) is empty"),
        (lif(2, metadata="text"), "metadata is no group of values"),
        (
            lif(2, r=np.float32(1)),
            "its parameters have different shapes: tau (2,), r (), v_leak (2,), "
            "v_threshold (2,), v_reset (2,)",
        ),
        ({"type": "Delay", "delay": np.array([-1.0])}, "delay = -1.0 is below 0"),
        (affine(np.ones(3), np.ones(1)), "weight of shape (3,) has 1 axes, not at least 2"),
        (
            affine(np.ones((2, 3)), np.ones(3)),
            "bias of shape (3,) does not fit weight (2, 3): it takes (2,)",
        ),
        (conv2d(np.ones((2, 1, 3))), "weight of shape (2, 1, 3) has 3 axes, not 4"),
        (conv2d(KERNEL, bias=np.ones((2, 1))), "bias of shape (2, 1) has 2 axes, not 1"),
        (conv2d(KERNEL, groups=3), "groups = 3 do not divide 2 channels"),
        (conv2d(KERNEL, groups=0), f"groups = 0 {COUNTS}"),
        (
            conv2d(KERNEL, stride=np.array([0, 1])),
            f"stride = [0, 1] {COUNTS}",
        ),
        (conv2d(KERNEL, stride=np.array([1, 1, 1])), "stride = [1, 1, 1] is not 2 numbers"),
        (
            conv2d(KERNEL, padding=np.array([-1, 0])),
            f"padding = [-1, 0] is not {PADDING}",
        ),
        (
            conv2d(KERNEL, padding="full"),
            f"padding is the text 'full', not {PADDING}",
        ),
        (
            conv2d(KERNEL, padding="same", stride=np.array([2, 1])),
            "padding 'same' needs stride 1, not (2, 1)",
        ),
        (
            {"type": "Flatten", "start_dim": 0.5},
            "start_dim = 0.5 is not one whole number",
        ),
        (port("Input", 2, 0), f"shape = [2, 0] {SHAPE}"),
        ({"type": "Input", "shape": np.ones((1, 2))}, f"shape of shape (1, 2) {SHAPE}"),
    ],
)  # fmt: skip
def test_wrong_fields_are_named_with_value_and_rule(node, problem):
    assert problems(here=node) == (f"here: {problem}",)


def test_a_graph_whose_parts_are_of_the_wrong_sort_is_named():
    for broken, problem in (
        ({"type": "NIRGraph", "edges": "a"}, ("in: has no group of nodes", EDGES)),
        ({"type": "NIRGraph", "nodes": {"a": 1}, "edges": np.array([["a", "b", "c"]], "O")},
         ("in.a: is no group of fields", EDGES)),
        (subgraph({}, []) | {"metadata": 3, "more": 1},
         ("in: NIRGraph has no field more", "in: metadata is no group of values")),
    ):  # fmt: skip
        found = problems(**{"in": broken})
        assert set(problem) == set(found)


def test_a_file_that_an_exporter_left_half_written_says_what_stopped_it():
    with pytest.raises(FileError, match="holds no /node of type NIRGraph") as caught:
        graph_of({"version": "1.0.8", "node": {"nodes": {}}}, "net.nir")
    assert "input_shape" in caught.value.hint
