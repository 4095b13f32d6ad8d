"""Damaged and hostile files beside a program, and input: a named error, in time and memory."""

import io
import json
import pickle
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import frames, small_program

from hwsim import files, run
from hwsim.errors import CheckError, FileError, RangeError, SpikeportError
from hwsim.files import map_npy, read_npz
from hwsim.trace import npz_bytes
from snnexport._verify import Judge, verify
from snnexport.exported import golden_beside, lava_beside, netx_beside
from snnexport.golden import bundle, load_golden, random_frames
from snnexport.inspect import chip_of, describe, fit_of
from snnexport.passes.choices import Choices

PROGRAM = small_program(np.random.default_rng(0))
ARRAYS = bundle(PROGRAM, frames(np.random.default_rng(1), PROGRAM), "digest")
GOLDEN = npz_bytes(ARRAYS)
anything = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


pytestmark = pytest.mark.usefixtures("bounded")


class Trap:
    def __reduce__(self):
        return pytest.fail, ("a file was unpickled",)


def npy(header, data=b""):
    text = header.encode() + b"\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + data


def declared(descr, shape):
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"


def zipped(*members):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return held.getvalue()


HEADERS = {
    "terabytes": npy(declared("'<i4'", (1 << 40,))),
    "negative": npy(declared("'<i4'", (-1,)), bytes(8)),
    "truth": npy(declared("'<i4'", (True,)), bytes(4)),
    "text": npy(declared("'<i4'", "('a',)")),
    "no size": npy(declared("'|S0'", (1 << 40,))),
    "objects": npy(declared("'|O'", (1,)), pickle.dumps([Trap()])),
    "inner objects": npy(declared("[('a', '<i4'), ('b', 'O')]", (1,)), pickle.dumps([Trap()])),
    "inner terabytes": npy(declared("[('a', '<i4', (1000000, 1000000))]", (1,))),
    "nested": npy("{'descr': " + "(" * 3000),
    "mixed keys": npy("{'descr': '<i4', 'fortran_order': False, 'shape': (1,), 3: 1}"),
    "long": npy(" " * 60_000),
    "pickle": pickle.dumps(Trap()),
}


@pytest.mark.parametrize("content", HEADERS.values(), ids=HEADERS)
def test_arrays_that_are_declared_and_not_there_are_refused(tmp_path, content):
    for name, reader, whole in (
        ("x.npy", map_npy, content),
        ("x.npz", read_npz, zipped(("a.npy", content))),
    ):
        (tmp_path / name).write_bytes(whole)
        with pytest.raises(FileError, match=rf"{name}: is not a {name[1:]} file") as caught:
            reader(tmp_path / name)
        assert "unsafely" not in caught.value.message


def test_members_that_are_no_arrays_and_archives_for_arrays_are_refused(tmp_path):
    (tmp_path / "x.npz").write_bytes(zipped(("a.txt", "text")))
    with pytest.raises(FileError, match="does not hold a single array"):
        read_npz(tmp_path / "x.npz")
    with pytest.raises(FileError, match="does not hold a single array"):
        map_npy(tmp_path / "x.npz")


def test_archives_larger_than_the_memory_are_refused_unpacked(tmp_path, monkeypatch):
    zeros = npy(declared("'|i1'", (1 << 26,)), bytes(1 << 26))
    content = zipped(*((f"{i}.npy", zeros) for i in range(4)))
    assert len(content) < 1 << 20
    (tmp_path / "bomb.npz").write_bytes(content)
    monkeypatch.setattr(files, "_memory", lambda: 1 << 28)
    with pytest.raises(FileError, match=r"arrays of 26843.* bytes do not fit into half"):
        read_npz(tmp_path / "bomb.npz")


@anything
@given(data=st.data())
def test_changed_bundles_give_what_they_hold_or_a_named_error(data, tmp_path):
    content = bytearray(GOLDEN[: data.draw(st.integers(0, len(GOLDEN)))] or b"\0")
    if data.draw(st.booleans()):
        content = bytearray(GOLDEN)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "golden.npz").write_bytes(content)
    with suppress(FileError):
        load_golden(tmp_path / "golden.npz", "digest").first(1)


@pytest.mark.parametrize("name", sorted(ARRAYS))
@pytest.mark.parametrize(
    "array",
    [np.array(1), np.zeros(0), np.array([b"x"]), np.full((5, 3), np.nan), np.zeros((2, 9, 1), int)],
    ids=["scalar", "empty", "bytes", "reals", "other shape"],
)
def test_bundles_of_other_arrays_give_a_named_error(tmp_path, name, array):
    (tmp_path / "golden.npz").write_bytes(npz_bytes({**ARRAYS, name: array}))
    with pytest.raises(SpikeportError):
        replay(tmp_path / "golden.npz")


@pytest.mark.parametrize("name", sorted(ARRAYS))
def test_bundles_that_lack_an_array_give_a_named_error(tmp_path, name):
    arrays = {n: a for n, a in ARRAYS.items() if n != name}
    (tmp_path / "golden.npz").write_bytes(npz_bytes(arrays))
    with pytest.raises(SpikeportError):
        replay(tmp_path / "golden.npz")


def test_readouts_of_another_size_are_a_mismatch(tmp_path):
    outputs = ARRAYS["outputs"][:, :-1]
    (tmp_path / "golden.npz").write_bytes(npz_bytes({**ARRAYS, "outputs": outputs}))
    with pytest.raises(SpikeportError, match="export again"):
        replay(tmp_path / "golden.npz")


def replay(path):
    golden = load_golden(path, "digest").first(2)
    return verify(PROGRAM, golden.frames, [Judge.REFERENCE], golden=golden)


def test_the_bundle_itself_is_replayed(tmp_path):
    (tmp_path / "golden.npz").write_bytes(GOLDEN)
    (verdict,) = replay(tmp_path / "golden.npz")
    assert verdict.agreement.mismatches == 0


@pytest.mark.parametrize(
    "array", [np.array(1), np.zeros((1, 1), "M8[s]"), np.zeros((2, 1, 2, 9, 8), [("a", "i4")])]
)
def test_input_of_any_other_type_is_named(tmp_path, array):
    np.save(tmp_path / "in.npy", array)
    with pytest.raises(RangeError, match="input image of program small"):
        run(PROGRAM, map_npy(tmp_path / "in.npy"))


def test_random_input_of_any_length_is_refused_unmade():
    long = small_program(np.random.default_rng(0), period=2**31 - 1)
    with pytest.raises(RangeError, match=r"random input of shape .* has more than"):
        random_frames(long, 8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = " + "[" * 5000, "recursion"),
        ("[" + "a." * 50_000 + "b]", "a key of more than 64 dots"),
        ("x = " + "9" * 5000, "is not valid TOML"),
        ("a" * 1_000_000 + '"' * 1_000_001, "is not valid TOML"),
        ("sums = [[1]]", "is not a table"),
        ("[sums]\na = {b = 1}", "is not known"),
        ("[layers]\na = 1", "is not a table"),
        ("[layers.a]\nscale = [inf]", "does not fit"),
        ("[layers.a]\nscale = [[1.0]]", "is not a number"),
        ("[input]\nstep = nan", "does not fit"),
    ],
)
def test_choices_that_make_no_sense_or_keep_a_reader_busy_are_refused(tmp_path, text, message):
    (tmp_path / "quantize.toml").write_text(text)
    with pytest.raises((FileError, CheckError)) as caught:
        Choices.load(tmp_path / "quantize.toml")
    assert message in str(caught.value)


@anything
@given(data=st.data())
def test_changed_choices_are_read_or_refused(data, tmp_path):
    text = list(Choices(0.5, {}, {"sum": "relay"}).to_toml() + "[layers.a]\nweight_bits = 4\n")
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place] = data.draw(
            st.sampled_from(["", "[", "]", '"', "=", ".", "{", "\n", "9", "\0"])
        )
    (tmp_path / "quantize.toml").write_text("".join(text))
    with suppress(FileError, CheckError):
        Choices.load(tmp_path / "quantize.toml")


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b"\xff", b"{}", b"[]", b'{"program": 1}', b'{"program": []}', b"1"]
)
def test_facts_of_an_export_that_name_no_program_are_refused(tmp_path, content):
    PROGRAM.save(tmp_path / "program.onnx")
    (tmp_path / "network.net").write_bytes(b"")
    (tmp_path / "export.json").write_bytes(content)
    with pytest.raises(FileError, match=r"export\.json: is not an export\.json"):
        netx_beside(tmp_path / "program.onnx")


def test_an_artefact_that_is_no_text_belongs_to_no_program(tmp_path):
    PROGRAM.save(tmp_path / "program.onnx")
    (tmp_path / "lava").mkdir()
    (tmp_path / "lava" / "network.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RangeError, match="was exported from another program"):
        lava_beside(tmp_path / "program.onnx")


@anything
@given(data=st.data(), suffix=st.sampled_from([".onnx", ".safetensors"]))
def test_commands_about_any_file_end_in_a_named_error(data, suffix, tmp_path):
    path = tmp_path / f"file{suffix}"
    whole = PROGRAM.to_bytes()
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    path.write_bytes(data.draw(st.sampled_from([cut, data.draw(st.binary(max_size=64)), GOLDEN])))
    for command in (describe, chip_of):
        with suppress(FileError, CheckError):
            command(path)
    if suffix == ".onnx":
        with suppress(FileError, CheckError):
            fit_of(path, None)  # pyright: ignore[reportArgumentType] -- never reached
    assert golden_beside(path) is None


def test_texts_that_are_no_texts_are_damage(tmp_path):
    path = tmp_path / "program.onnx"
    for text in (b"spikeport.program/1", b"out/spikes", b"spikeport.loihi", b"pool.spike/decay_u"):
        path.write_bytes(PROGRAM.to_bytes().replace(text, text[:-1] + b"\xff"))
        for command in (describe, chip_of):
            with pytest.raises(FileError, match=r"program\.onnx"):
                command(path)


def test_facts_are_written_as_json_whatever_a_float_network_says(tmp_path):
    import onnx
    from onnx import helper

    node = helper.make_node("Identity", ["a"], ["b"])
    value = helper.make_tensor_value_info("b", 1, [1, 1, 2**62])
    model = helper.make_model(helper.make_graph([node], "g", [], [value]))
    helper.set_model_props(model, {"spikeport.schema": "spikeport.network/1", "x" * 5000: "[red]"})
    (tmp_path / "network.onnx").write_bytes(model.SerializeToString())
    assert onnx.load(tmp_path / "network.onnx").graph.node
    facts = describe(tmp_path / "network.onnx")
    assert json.loads(json.dumps(facts.data))["rows"][0]["shape"] == str(2**62)
    assert "[red]" in facts.text()
