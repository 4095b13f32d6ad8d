"""nir 1.0.8 itself: it reads what spikeport writes, and spikeport reads what it writes."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from snnexport.formats.nir.file_in import read_file
from snnexport.formats.nir.file_out import write_file
from snnexport.formats.nir.flat import flattened
from snnexport.formats.nir.nodes import KINDS, Node, Subgraph

VARIABLE = "SPIKEPORT_NIR_PYTHON"
FILES = ("every", "nested")


@pytest.fixture
def nir(root):
    """A function that runs a task of ``nir_machine.py``."""
    python = os.environ.get(VARIABLE)
    if python is None:
        pytest.skip(
            "no nir 1.0.8: python3.11 -m venv DIR; DIR/bin/pip install nir==1.0.8; "
            f"export {VARIABLE}=DIR/bin/python"
        )

    def run(task, place):
        subprocess.run([python, root / "tests/peers/nir_machine.py", task, place], check=True)

    return run


def described(graph, at=""):
    """Return every field of ``graph`` by its place, as ``nir_machine.described`` does."""
    found = {f"{at}edges": np.array(graph.edges)}
    for name, node in graph.nodes.items():
        if isinstance(node, Subgraph):
            found |= described(node, f"{at}{name}|")
        else:
            given = {"type": node.kind, **node.fields}.items()
            found |= {f"{at}{name}|{field}": np.asarray(v) for field, v in given if v is not None}
    return found


def assert_equal(ours, path):
    """Compare with what nir found: arrays and their dtypes, and sizes by value."""
    with np.load(path) as theirs:
        assert ours.keys() == set(theirs.files)
        for place, value in ours.items():
            other = theirs[place]
            if value.dtype.kind == "f" or place.endswith("weight"):
                assert (value.dtype, value.shape) == (other.dtype, other.shape), place
            assert np.all(value == other), place


@pytest.mark.parametrize("name", FILES)
def test_files_of_nir_are_read_as_nir_has_them(nir, tmp_path, name):
    nir("write", tmp_path)
    graph = read_file(tmp_path / f"{name}.nir").graph
    assert_equal(described(graph), tmp_path / f"{name}.npz")
    assert flattened(graph, name).repaired == ()


@pytest.mark.parametrize("name", FILES)
def test_files_that_were_read_and_written_are_read_by_nir_the_same(nir, tmp_path, name):
    nir("write", tmp_path)
    again = tmp_path / "again.nir"
    write_file(again, read_file(tmp_path / f"{name}.nir").graph)
    nir("read", again)
    assert_equal(described(read_file(tmp_path / f"{name}.nir").graph), Path(f"{again}.npz"))


def test_every_kind_is_among_what_nir_writes_here(nir, tmp_path):
    nir("write", tmp_path)

    def kinds(graph):
        for node in graph.nodes.values():
            yield from [node.kind] if isinstance(node, Node) else kinds(node)

    seen = {kind for name in FILES for kind in kinds(read_file(tmp_path / f"{name}.nir").graph)}
    assert seen == set(KINDS)
    assert read_file(tmp_path / "every.nir").version
    metadata = read_file(tmp_path / "every.nir").graph.nodes["lif"].metadata
    assert metadata["text"] == "kept"
    assert metadata["deep"]["array"].tolist() == [0, 1, 2]
