"""Damaged and hostile netx files end in a named error, in bounded time and memory."""

import pickle
from contextlib import suppress

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netx_files import CUBA, conv_layer, dense_layer, file_bytes, write_layers

from hwsim.errors import CheckError, FileError
from snnexport.convert import convert
from snnexport.formats import sandbox
from snnexport.formats.netx.hdf5 import LAYERS_MAX
from snnexport.formats.netx.layout import FIELDS, NEURON
from snnexport.formats.netx.read import read_netx

LAYERS = [
    {"type": "input", "shape": [1, 4, 4], "neuron": CUBA, "weight": [36.0], "bias": [34.0]},
    conv_layer(np.ones((2, 1, 2, 2), np.float32), (2, 3, 3), bias=np.array([1, 2])),
    {"type": "flatten", "shape": [18, 1, 1]},
    dense_layer(np.ones((3, 18), np.float32), delay=np.array([1.0, 2.0, 3.0])),
]
FILES = [file_bytes(LAYERS), file_bytes(LAYERS, libver="latest")]


pytestmark = pytest.mark.usefixtures("bounded")


@pytest.fixture
def refused(tmp_path):
    """A function that edits a whole file with h5py and returns why it is not read."""

    def edited(edit):
        path = write_layers(tmp_path / "small.net", LAYERS)
        with h5py.File(path, "a") as file:
            edit(file, file["layer/3"])
        with pytest.raises((FileError, CheckError)) as caught:
            read_netx(path)
        assert str(path) in caught.value.message
        return caught.value.message

    return edited


def replaced(name, **dataset):
    def edit(_, layer):
        del layer[name]
        layer.create_dataset(name, **dataset)

    return edit


def test_the_whole_file_is_read(tmp_path):
    for number, content in enumerate(FILES):
        path = tmp_path / f"{number}.net"
        path.write_bytes(content)
        assert read_netx(path).output == "layer3"


flips = st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(1, 255)), min_size=1, max_size=16)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.sampled_from(FILES), flipped=flips)
def test_flipped_bits_give_a_program_or_a_named_error(tmp_path, content, flipped):
    damaged = bytearray(content)
    for at, bits in flipped:
        damaged[at % len(damaged)] ^= bits
    expect_a_program_or_an_error(tmp_path / "small.net", bytes(damaged))


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.sampled_from(FILES), length=st.floats(0, 1, exclude_max=True))
def test_truncated_files_give_a_program_or_a_named_error(tmp_path, content, length):
    expect_a_program_or_an_error(tmp_path / "small.net", content[: int(length * len(content))])


def expect_a_program_or_an_error(path, content):
    path.write_bytes(content)
    with suppress(FileError, CheckError):
        read_netx(path)


def test_no_file_a_folder_an_empty_and_another_file_are_named(tmp_path):
    for name, content in (("empty", b""), ("text", b"no HDF5"), ("zip", b"PK\3\4" + bytes(99))):
        (tmp_path / name).write_bytes(content)
    for name in ("none", "empty", "text", "zip", "."):
        with pytest.raises(FileError, match=str(tmp_path)):
            read_netx(tmp_path / name)


def test_a_file_without_layers_and_one_with_gaps_are_named(tmp_path):
    with h5py.File(tmp_path / "none.net", "w") as file:
        file["other"] = 1
    with pytest.raises(FileError, match="there is no group /layer"):
        read_netx(tmp_path / "none.net")
    with h5py.File(tmp_path / "gap.net", "w") as file:
        file.create_group("layer/0")
        file.create_group("layer/2")
    with pytest.raises(FileError, match=r"/layer holds '2', not layers 0\.\.1 alone"):
        read_netx(tmp_path / "gap.net")


def test_terabytes_declared_in_a_few_bytes_are_refused_unread(refused):
    message = refused(replaced("weight", shape=(1 << 20, 1 << 20), dtype="f4", chunks=(1, 1024)))
    assert "weight of shape (1048576, 1048576) does not fit into a file of its size" in message


def test_compressed_data_is_refused_unread(refused):
    zeros = np.zeros((1000, 1000), np.int8)
    assert "compressed" in refused(replaced("weight", data=zeros, compression="gzip"))


def test_data_in_other_files_is_refused_unread(refused, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(4 * 54))
    outside = [(str(tmp_path / "secret"), 0, 4 * 54)]
    elsewhere = replaced("weight", shape=(3, 18), dtype="i4", external=outside)
    assert "external" in refused(elsewhere)

    def virtual(_, layer):
        del layer["weight"]
        layout = h5py.VirtualLayout((3, 18), "i4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "weight", (3, 18))
        layer.create_virtual_dataset("weight", layout)

    assert "virtual" in refused(virtual)


@pytest.mark.parametrize(
    "link", [h5py.SoftLink("/layer/3/weight"), h5py.ExternalLink("other.h5", "/weight")]
)
@pytest.mark.parametrize("name", ["weight", "neuron"])
def test_links_that_lead_elsewhere_are_refused_unfollowed(refused, link, name):
    def edit(_, layer):
        del layer[name]
        layer[name] = link

    assert f"/layer/3/{name} is a {type(link).__name__}, not data" in refused(edit)


def test_groups_that_contain_themselves_end(refused):
    def edit(file, layer):
        del layer["neuron"]
        layer["neuron"] = file["layer"]

    assert "layer 3: neuron: there is no type" in refused(edit)


def test_one_layer_under_many_names_is_refused(refused):
    def edit(file, layer):
        for index in range(4, 5000):
            file[f"layer/{index}"] = layer

    assert "/layer holds 5000 names; 4096 are allowed" in refused(edit)


def test_one_large_field_in_many_layers_is_refused(refused):
    def edit(file, layer):
        layer["mask"] = 1
        del layer["weight"]
        layer["weight"] = np.zeros((100, 100))
        for index in range(4, 400):
            file[f"layer/{index}"] = layer

    assert "does not fit into a file of its size" in refused(edit)


class Trap:
    def __reduce__(self):
        return pytest.fail, ("a file was unpickled",)


@pytest.mark.parametrize(
    "data",
    [
        np.void(pickle.dumps(Trap())),
        np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
        np.array([[1, 2]], [("a", "i4", (2,))]),
        h5py.Empty("f4"),
    ],
    ids=["opaque", "compound", "array", "empty"],
)
def test_anything_but_numbers_and_texts_is_refused_and_never_unpickled(refused, data):
    assert "/layer/3/weight" in refused(replaced("weight", data=data))


def test_objects_and_references_are_refused(refused):
    ragged = h5py.vlen_dtype(np.int32)
    assert "not numbers or a text" in refused(replaced("weight", shape=(3,), dtype=ragged))
    assert "not numbers or a text" in refused(replaced("delay", shape=(3,), dtype=h5py.ref_dtype))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, 0.5])
def test_numbers_that_are_no_integers_are_named(refused, value):
    weight = np.ones((3, 18))
    weight[1, 2] = value
    assert f"weight = {value} is not a whole number" in refused(replaced("weight", data=weight))


def test_texts_for_numbers_and_numbers_for_texts_are_named(refused):
    assert "weight holds no numbers" in refused(replaced("weight", data="many"))
    assert "type is no text" in refused(replaced("type", data=7))
    assert "damaged" in refused(replaced("type", data="d\u00e9nse"))
    assert "/type holds 2 texts, not one" in refused(replaced("type", data=["dense", "conv"]))


def test_fields_that_netx_does_not_have_are_named_unread(refused):
    def edit(_, layer):
        layer.create_dataset("mask", data=np.zeros(1000), compression="gzip")

    assert "layer 3: mask cannot be read" in refused(edit)


def test_a_file_that_takes_too_long_is_given_up(tmp_path, monkeypatch):
    path = tmp_path / "long.net"
    with h5py.File(path, "w") as file:
        layer = file.create_group("layer/0")
        for name in FIELDS["conv"] - {NEURON}:
            layer[name] = 1
        for index in range(1, LAYERS_MAX):
            file[f"layer/{index}"] = layer
    monkeypatch.setattr(sandbox, "_SECONDS", 1)  # it takes several, and more on a busy machine
    busy = "was not read in 10 s"
    with pytest.raises(FileError, match=f"{path}: (is damaged: .* took over 1 s|{busy})"):
        read_netx(path)


def test_a_program_is_not_written_from_a_damaged_file(tmp_path):
    (tmp_path / "small.net").write_bytes(FILES[0][:1000])
    (tmp_path / "out.onnx").write_bytes(b"before")
    with pytest.raises(FileError):
        convert(tmp_path / "small.net", tmp_path / "out.onnx")
    assert (tmp_path / "out.onnx").read_bytes() == b"before"
