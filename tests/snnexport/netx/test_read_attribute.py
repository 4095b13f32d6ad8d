"""What spikeport's writer keeps beside the layers is what reading takes by default."""

import json

import h5py
import numpy as np
import pytest
from netx_files import dense_layer, write_layers

from hwsim.errors import CheckError, FileError
from snnexport.formats.netx.read import read_netx
from snnexport.formats.netx.write import write_netx


@pytest.fixture
def path(tmp_path):
    return write_layers(tmp_path / "small.net", [dense_layer(np.ones((2, 3), int))])


GOOD = {
    "schema": "spikeport.netx/1", "name": "n", "chip": "c", "network": {"reset_interval": 4},
    "input": {"name": "in", "low": 0, "high": 1}, "populations": ["a"], "readout": "count",
    "metadata": {},
}  # fmt: skip


def test_period_and_input_range_survive_writing_and_reading(path, tmp_path):
    program = read_netx(path, period=12, input_range=(-4, 9))
    write_netx(program, tmp_path / "again.net")
    again = read_netx(tmp_path / "again.net")
    assert (again.period, again.input.low, again.input.high) == (12, -4, 9)
    assert again.connections[0].graded
    assert read_netx(tmp_path / "again.net", period=5, input_range=(0, 1)).period == 5


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "7", '{"schema": "other"}', "[" * 100_000, 3.5,
        *(json.dumps(GOOD | wrong) for wrong in (
            {"schema": "spikeport.netx/2"}, {"network": {"reset_interval": 0}},
            {"network": {"reset_interval": 1 << 31}}, {"network": {"reset_interval": 4.0}},
            {"input": {"name": "in", "low": 0.5, "high": 1}},
            {"input": {"name": "in", "low": 2, "high": 1}},
            {"input": {"name": "in", "low": 0, "high": 1 << 31}},
            {"populations": ["a", "b"]}, {"populations": []}, {"populations": [1]},
            {"name": 1}, {"chip": None}, {"readout": "most"}, {"metadata": {"a": 1}},
            {"metadata": []},
        )),
    ],
)  # fmt: skip
def test_an_attribute_of_another_kind_is_named(path, text):
    write_attribute(path, text)
    with pytest.raises(FileError, match="the attribute spikeport"):
        read_netx(path)


def test_names_of_another_network_are_refused_and_unique(path):
    write_attribute(path, json.dumps(GOOD))
    assert read_netx(path).output == "a"
    write_attribute(path, json.dumps(GOOD | {"populations": ["in"]}))
    with pytest.raises(CheckError, match="name 'in' is used twice"):
        read_netx(path)


def test_what_the_attribute_says_is_left_out_with_any_layer(path):
    write_attribute(path, json.dumps(GOOD))
    program = read_netx(path, num_layers=1)
    assert (program.name, program.period, program.output) == ("small", None, "layer0")


def write_attribute(path, text):
    with h5py.File(path, "a", libver="latest") as file:
        file.attrs["spikeport"] = text
