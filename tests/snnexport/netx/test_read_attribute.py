"""What spikeport's writer keeps beside the layers is what reading takes by default."""

import json

import h5py
import numpy as np
import pytest
from netx_files import dense_layer, write_layers

from hwsim.errors import FileError
from snnexport.formats.netx.read import read_netx
from snnexport.formats.netx.write import write_netx


@pytest.fixture
def path(tmp_path):
    return write_layers(tmp_path / "small.net", [dense_layer(np.ones((2, 3), int))])


def test_period_and_input_range_survive_writing_and_reading(path, tmp_path):
    program = read_netx(path, period=12, input_range=(-4, 9))
    write_netx(program, tmp_path / "again.net")
    again = read_netx(tmp_path / "again.net")
    assert (again.period, again.input.low, again.input.high) == (12, -4, 9)
    assert again.connections[0].graded
    assert read_netx(tmp_path / "again.net", period=5, input_range=(0, 1)).period == 5


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "7", '{"schema": "other"}', "[" * 100_000,
     json.dumps({"schema": "spikeport.netx/1", "network": {"reset_interval": -1},
                 "input": {"low": 0, "high": 1}}),
     json.dumps({"schema": "spikeport.netx/1", "network": {"reset_interval": 4},
                 "input": {"low": 0.5, "high": 1}}), 3.5],
)  # fmt: skip
def test_an_attribute_of_another_kind_is_named(path, text):
    with h5py.File(path, "a", libver="latest") as file:
        file.attrs["spikeport"] = text
    with pytest.raises(FileError, match="the attribute spikeport is"):
        read_netx(path)
