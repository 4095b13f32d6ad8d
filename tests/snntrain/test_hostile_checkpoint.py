"""Damaged and hostile checkpoints and training states: a named error, in time and memory."""

import json
import time
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwsim.errors import CheckError, FileError
from snntrain import Checkpoint, _resume

LENGTH = 8
EXTREMES = st.sampled_from(
    [0, -1, 2**31, 2**62, 2**64, 1.5, float("nan"), True, None, "", "x", [], {}, [1], ["a"],
     "I64", "C64", "F8_E8M0", [2**40, 2**40], [0, 2**62], "[" * 2000, "{}", "[]", {"a": {"b": 1}}]
)  # fmt: skip
anything = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


pytestmark = pytest.mark.usefixtures("bounded")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.safetensors"


@pytest.fixture
def run(trained, tmp_path):
    """A training run with a state on disk: (folder, module, optimizer)."""
    module = trained.build().train()
    optimizer = torch.optim.AdamW(module.parameters())
    torch.stack([p.sum() for p in module.parameters()]).sum().backward()
    optimizer.step()
    best = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    metrics = {"validation_accuracy": 0.5, "validation_loss": 0.25}
    position = _resume.Position(2, 1, dict(np.random.default_rng(0).bit_generator.state))
    saved = _resume.Saved(position, _resume.Best(best, metrics))
    _resume.save(tmp_path, "origin", saved, module, optimizer)
    return tmp_path, module, optimizer


def taken_apart(content):
    """Return (header, body)."""
    end = LENGTH + int.from_bytes(content[:LENGTH], "little")
    return json.loads(content[LENGTH:end]), content[end:]


def put_together(header, body, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    return size.to_bytes(LENGTH, "little") + text + body


def refusal(path, content):
    """Return why the checkpoint ``content`` is not read."""
    path.write_bytes(content)
    with pytest.raises((FileError, CheckError)) as caught:
        Checkpoint.load(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value.message


def changed(data, content):
    """Return ``content`` with bytes or entries of its header changed, cut or taken away."""
    if data.draw(st.booleans()):
        part = bytearray(content[: data.draw(st.integers(0, len(content)))])
        for _ in range(data.draw(st.integers(0, 4)) if part else 0):
            part[data.draw(st.integers(0, min(len(part), 4000) - 1))] = data.draw(
                st.integers(0, 255)
            )
        return bytes(part)
    header, body = taken_apart(content)
    for _ in range(data.draw(st.integers(1, 3))):
        table = header
        while True:
            key = data.draw(st.sampled_from(sorted(table)))
            inner = table[key]
            if not isinstance(inner, dict) or not inner or data.draw(st.integers(0, 5)) == 0:
                break
            table = inner
        if data.draw(st.booleans()) and len(table) > 1:
            del table[key]
        else:
            table[key] = data.draw(EXTREMES)
    return put_together(header, body)


@anything
@given(data=st.data())
def test_changed_checkpoints_give_a_network_or_a_named_error(data, trained, path):
    path.write_bytes(changed(data, trained.to_bytes()))
    with suppress(FileError, CheckError):
        Checkpoint.load(path).build()


@anything
@given(data=st.data())
def test_changed_training_states_give_a_run_or_a_named_error(data, run):
    folder, module, optimizer = run
    state = folder / _resume.NAME
    whole = state.read_bytes()
    try:
        state.write_bytes(changed(data, whole))
        with suppress(FileError, CheckError):
            _resume.restore(folder, "origin", module, optimizer)
    finally:
        state.write_bytes(whole)


@pytest.mark.parametrize("length", [0, 1, 2**31, 2**63, 2**64 - 1])
def test_header_lengths_that_lie_are_refused(trained, path, length):
    header, body = taken_apart(trained.to_bytes())
    assert "not a safetensors file" in refusal(path, put_together(header, body, length))


@pytest.mark.parametrize(
    "header", [b"[" * 100_000, b'{"a":' * 100_000, b'{"a": %s}' % (b"9" * 5000), b"\x80\x04N."]
)
def test_headers_that_are_no_tables_are_refused_and_never_unpickled(path, header):
    assert "not a safetensors file" in refusal(path, put_together(header, b""))


def test_offsets_that_overlap_and_tensors_named_twice_are_refused(trained, path):
    header, body = taken_apart(trained.to_bytes())
    overlapping = json.loads(json.dumps(header))
    start, end = overlapping["conv1.weight"]["data_offsets"]
    for entry in overlapping.values():
        if entry.get("data_offsets", [0, 0])[1] > end:
            entry["data_offsets"] = [start, start + entry["data_offsets"][1] - end]
            break
    assert "damaged" in refusal(path, put_together(overlapping, body))
    twice = f'{json.dumps(header)[:-1]}, "conv1.weight": {json.dumps(header["conv1.weight"])}}}'
    assert "not a safetensors file" in refusal(path, put_together(twice.encode(), body))


@pytest.mark.parametrize(
    "net",
    [
        'kind = "delayed"\ndense = [65536, 65536, 65536]\ndelays = [1]\ninput_shape = [1, 8, 8]',
        'kind = "delayed"\ndense = []\ndelays = [1]\ninput_shape = [4096, 4096, 4096]',
        f'kind = "delayed"\ndense = [{"65536, 1, " * 700}]\ndelays = [1]\ninput_shape = [1, 1, 1]',
        'kind = "residual"\nblocks = 1024\npool_size = 1\nshortcut = "sew-add"\n'
        'pooling = "average"\ninput_shape = [1, 4096, 4096]\nchannels = [4096, 4096, 4096]',
    ],
    ids=["dense", "image", "many", "residual"],
)
def test_recipes_that_ask_for_more_weights_than_the_file_has_are_refused_unbuilt(
    trained, tiny_text, path, net
):
    before, _, rest = tiny_text.partition("[net]")
    _, _, after = rest.partition("[train]")
    delayed = "\nchannels = []" * ("channels" not in net)
    text = f"{before}[net]\n{net}{delayed}\nclasses = 10\ndecay_u = 0.5\ndecay_v = 0.5\n[train]"
    start = time.monotonic()
    message = refusal(path, with_metadata(trained, recipe=text + after))
    assert "weights do not fit the network of the recipe inside, which has more" in message
    assert time.monotonic() - start < 5


def with_metadata(trained, **texts):
    header, body = taken_apart(trained.to_bytes())
    header["__metadata__"] |= texts
    return put_together(header, body)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("a = " + "[" * 5000, "recursion"),
        ("a." * 5000 + "b = 1", "a key of more than 64 dots"),
        ("a = {" + '"b c" . ' * 1000 + "b = 1}", "a key of more than 64 dots"),
        ("# long\n" * 5000, "has 35000 characters, over 16384"),
        ("a = " + "9" * 5000, "is not valid TOML"),
        ("[net]\nkind = ['convnet']", "net.kind = ['convnet'] is not known"),
    ],
)
def test_recipes_that_keep_a_reader_busy_are_refused(trained, path, recipe, message):
    assert message in refusal(path, with_metadata(trained, recipe=recipe))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"metrics": "[" * 100_000}, "(metrics): is not valid JSON"),
        ({"metrics": "[]"}, "(metrics): is a list, not an object"),
        ({"calibration": "{}"}, "(calibration): input = None is not [low, high]"),
        ({"calibration": '{"input": [NaN, 1]}'}, "input = [nan, 1] is not [low, high]"),
        ({"calibration": '{"input": [2, 1]}'}, "input = [2, 1] is not [low, high]"),
        ({"calibration": '{"input": [true, 1]}'}, "input = [True, 1] is not [low, high]"),
        ({"calibration": '{"input": [0, 1e999]}'}, "input = [0, inf] is not [low, high]"),
    ],
)
def test_numbers_beside_the_weights_are_checked(trained, path, texts, message):
    assert message in refusal(path, with_metadata(trained, **texts))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_named(trained, path, value):
    state = {**trained.state, "conv1.weight": trained.state["conv1.weight"].clone()}
    state["conv1.weight"].view(-1)[3] = value
    content = Checkpoint(trained.recipe, state, trained.metrics, trained.calibration).to_bytes()
    assert "conv1.weight holds values that are not finite" in refusal(path, content)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.int32, torch.complex64])
def test_weights_of_another_type_are_named(trained, path, kind):
    state = {**trained.state, "conv1.weight": trained.state["conv1.weight"].to(kind)}
    content = Checkpoint(trained.recipe, state, trained.metrics, trained.calibration).to_bytes()
    assert f"conv1.weight holds {kind}, not torch.float32" in refusal(path, content)


def test_a_checkpoint_is_read_without_its_network_drawing_weights(trained, path):
    trained.save(path)
    before = torch.get_rng_state()
    built = Checkpoint.load(path).build().state_dict()
    assert all(torch.equal(built[name], tensor) for name, tensor in trained.state.items())
    assert torch.equal(torch.get_rng_state(), before)


def test_everything_wrong_with_a_training_state_is_listed(run):
    folder, module, optimizer = run
    state = folder / _resume.NAME
    header, body = taken_apart(state.read_bytes())
    damaged = {"epoch": -2, "batch": 1, "random": {"bit_generator": "PCG64", "state": 3}}
    header["__metadata__"] |= {
        "position": json.dumps(damaged),
        "best": '{"validation_loss": "low"}',
    }
    header["optimizer.99.step"] = header.pop("optimizer.0.step")
    header["best.other"] = header.pop("best.conv1.weight")
    state.write_bytes(put_together(header, body))
    with pytest.raises(CheckError) as caught:
        _resume.restore(folder, "origin", module, optimizer)
    assert caught.value.problems == (
        "position: epoch = -2 is not a number in 0..1000000000",
        "position: random is no state of a generator: "
        "TypeError(\"'int' object is not subscriptable\")",
        "best.conv1.weight is missing",
        "best.other is not part of the network",
        "best: validation_accuracy = None is not a number",
        "best: validation_loss = 'low' is not a number",
        "optimizer.0.step is missing",
        "optimizer.99.step is not part of the network",
    )
