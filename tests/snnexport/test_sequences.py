"""Programs that read encoded images and recordings of events, from data sets and from files."""

import json
from dataclasses import replace

import event_files
import numpy as np
import pytest
import torch
from command import call, refused

from hwsim import load_chip, run
from hwsim.errors import RangeError
from hwsim.program import Program
from snnexport import Format, export, stages
from snnexport._export import golden_input
from snnexport._stages import layer_errors
from snnexport.passes.calibration import INPUT_STEP
from snnexport.shipped import shipped_checkpoint
from snnexport.source import Source, dataset, messages, read, recorded
from snnexport.trained import trained_beside
from snntrain import Checkpoint, Recipe
from snntrain.encode import frames_of_length

DIGITS = Checkpoint.load(shipped_checkpoint("digits-conv"))


def read_as(encoder):
    """The shipped network on digits that are encoded otherwise."""
    text = DIGITS.recipe.to_text().replace('"digits"', f'"digits"\nencoder = "{encoder}"')
    return Checkpoint(Recipe.from_text(text, "test"), DIGITS.state, {}, {"input": [-1, 1]})


@pytest.mark.parametrize("encoder", ["rate", "latency", "delta"])
def test_a_program_remembers_how_the_images_were_encoded_and_reads_them_so(encoder):
    checkpoint = read_as(encoder)
    done = stages(checkpoint, load_chip("loihi2"), name="digits")
    assert done.program.metadata["input.encoder"] == encoder
    given = read(Source("digits:validation", None, None, 5), done.program)
    data = dataset("digits:validation", None, encoder)
    expected = data.first(5).sequences(slice(None), done.program.frames)
    assert (given.frames == expected).all()
    assert (given.labels == data.labels[:5]).all()
    assert given.images is None
    frames, origin = golden_input(checkpoint, done.program, samples=5)
    assert (frames == expected).all()
    assert origin == "digits:validation, first 5"


def test_a_program_that_reads_images_as_they_are_has_nothing_to_remember():
    done = stages(DIGITS, load_chip("loihi2"), name="digits")
    assert "input.encoder" not in done.program.metadata


def test_calibration_measures_the_encoded_messages():
    checkpoint, data = read_as("delta"), dataset("digits:validation", None, "delta")
    done = stages(checkpoint, load_chip("loihi2"), name="digits", calibration=data)
    assert json.loads(done.program.metadata["calibration"]) == [-1, 1]
    assert layer_errors(done, data)


def test_the_trained_network_beside_a_program_is_calibrated_on_encoded_data_again(tmp_path):
    checkpoint, data = read_as("rate"), dataset("digits:validation", None, "rate")
    checkpoint.save(tmp_path / "checkpoint.safetensors")
    program = stages(checkpoint, load_chip("loihi2"), name="digits", calibration=data).program
    where = tmp_path / "checkpoint.safetensors", tmp_path / "program.onnx"
    assert trained_beside(*where, program, None, None).images is None


def test_the_range_of_the_input_holds_zero_even_where_no_pixel_is_dark():
    data = dataset("digits:validation", None)
    bright = replace(data, pixels=np.maximum(data.images, 3))
    done = stages(DIGITS, load_chip("loihi2"), name="digits", calibration=bright)
    assert json.loads(done.program.metadata["calibration"]) == [0, 16]


def test_export_calibrates_on_data_as_the_recipe_encodes_it(tmp_path):
    read_as("rate").save(tmp_path / "checkpoint.safetensors")
    given = (tmp_path / "checkpoint.safetensors", "--calibrate", "digits:validation")
    done = call("export", *given, "-o", tmp_path / "out", "--format", "onnx", "--chip", "loihi2")
    assert done.exit_code == 0, done.output
    program = Program.load(tmp_path / "out" / "program.onnx")
    assert json.loads(program.metadata["calibration"]) == [0, 1]


@pytest.fixture
def recordings(tmp_path, rng):
    """A folder with N-MNIST in which each digit has two recordings."""
    for digit in range(10):
        for number in range(2):
            events = event_files.some_events(rng, 300, 34, 34, 300_000)
            path = tmp_path / "NMNIST" / "Train" / str(digit) / f"{number}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(event_files.nmnist(events))
    return tmp_path


def test_a_network_for_recordings_is_calibrated_and_read_and_exported_on_them(recordings, tmp_path):
    text = """
    [data]
    name = "nmnist"
    encoder = "count"
    [net]
    kind = "convnet"
    input_shape = [2, 34, 34]
    classes = 10
    channels = [2]
    dense = []
    decay_u = [1.0, 1.0]
    decay_v = [0.2, 0.0]
    [train]
    steps = 3
    epochs = 1
    batch_size = 4
    learning_rate = 0.02
    """
    recipe = Recipe.from_text(text, "test")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        state = recipe.build().state_dict()
    checkpoint = Checkpoint(recipe, state, {}, {"input": [0, 3]})
    data = dataset("nmnist:validation", recordings, "count")
    done = stages(checkpoint, load_chip("loihi2"), name="events", calibration=data)
    frames = data.sequences(slice(None), 3)
    assert json.loads(done.program.metadata["calibration"]) == [0, int(frames.max())]
    given = read(Source("nmnist:validation", None, recordings, 4), done.program)
    assert (given.frames == frames[:, :4]).all()
    assert given.labels.tolist() == [0, 1, 2, 3]
    golden, origin = golden_input(checkpoint, done.program, recordings, samples=2)
    assert origin == "nmnist:validation, first 2"
    export(done, tmp_path / "out", [Format.ONNX], golden, origin)
    result = run(Program.load(tmp_path / "out" / "program.onnx"), given.frames)
    assert result.outputs.shape == (4, 10)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The path of the shipped network as a program, with 4 frames of 8x8 a sample."""
    folder = tmp_path_factory.mktemp("program")
    done = stages(DIGITS, load_chip("loihi2"), name="digits")
    export(done, folder, [Format.ONNX], *golden_input(DIGITS, done.program))
    return folder / "program.onnx"


@pytest.fixture
def events(tmp_path, rng):
    """A recording of 8x8 that lasts 9.5 ms, and what is in it."""
    made = event_files.some_events(rng, 90, 8, 8, 9499)
    path = tmp_path / "recording.bin"
    path.write_bytes(event_files.nmnist(made))
    return path, made


def test_a_recording_is_cut_into_samples_of_as_many_frames_as_the_program_has(program, events):
    path, made = events
    loaded = Program.load(program)
    frames = recorded(loaded, path, 1.0)
    length = loaded.frames
    samples = -(-10 // length)
    assert frames.shape == (length, samples, 1, 8, 8)
    streamed = frames.swapaxes(0, 1).reshape(-1, 1, 8, 8)
    assert (streamed[:10] == frames_of_length(made, (1, 8, 8), 1000)).all()
    assert not streamed[10:].any()


def test_a_recordings_first_samples_and_odd_microseconds_are_taken_as_asked(program, events):
    path, made = events
    loaded = Program.load(program)
    whole = recorded(loaded, path, 1.001)  # 1000.9999999999999 us as a product
    streamed = whole.swapaxes(0, 1).reshape(-1, 1, 8, 8)
    assert (streamed[:10] == frames_of_length(made, (1, 8, 8), 1001)).all()
    given = read(Source(None, None, None, 2, path, 0.1), loaded)
    assert given.frames.shape[1] == 2
    assert (given.frames == recorded(loaded, path, 0.1)[:, :2]).all()


def test_messages_are_multiples_of_what_a_message_of_one_stands_for(program):
    loaded = Program.load(program)
    coarse = replace(loaded, metadata={**loaded.metadata, INPUT_STEP: "4"})
    sequence = np.arange(128).reshape(2, 1, 1, 8, 8)
    assert (messages(coarse, sequence) == np.rint(sequence / 4)).all()
    still = np.broadcast_to(sequence[0], (2, 1, 1, 8, 8))
    assert (messages(coarse, still) == np.rint(still / 4)).all()


def test_simulate_counts_the_events_of_a_file_in_frames(program, events, tmp_path):
    path, _ = events
    np.save(tmp_path / "in.npy", recorded(Program.load(program), path, 0.5))
    reports = []
    for source in (("--events", path, "--bin-ms", 0.5), ("--spikes", tmp_path / "in.npy")):
        done = call("simulate", program, *source, "--json")
        assert done.exit_code == 0, done.output
        reports.append(json.loads(done.stdout))
    assert reports[0]["data"]["name"] == str(path)
    assert reports[0]["per_inference"]["spikes"] > 0
    for key in ("per_inference", "layers"):
        assert reports[0][key] == reports[1][key]


def test_a_recording_of_another_sensor_is_refused(program, tmp_path, rng):
    path = tmp_path / "wide.bin"
    path.write_bytes(event_files.nmnist(event_files.some_events(rng, 90, 34, 34, 1000)))
    with pytest.raises(RangeError, match=r"x = \d+..33 of events does not fit \(1, 8, 8\)"):
        recorded(Program.load(program), path, 1.0)
    refused(call("simulate", program, "--events", path, "--bin-ms", 1), "does not fit (1, 8, 8)")


@pytest.mark.parametrize("milliseconds", ["nan", "inf", "1e300"])
def test_milliseconds_that_are_none_are_refused(program, events, milliseconds):
    done = call("simulate", program, "--events", events[0], "--bin-ms", milliseconds)
    refused(done, f"--bin-ms {float(milliseconds)}: exceeds")


def test_messages_are_the_integers_of_the_data_and_no_wider(program):
    given = read(Source("digits:validation", None, None, None), Program.load(program))
    assert given.frames.dtype == given.images.dtype == np.uint8
    assert np.shares_memory(given.frames[0], given.frames[-1])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (("--events", "x.bin"), "--events FILE and --bin-ms N belong together"),
        (("--bin-ms", "1", "--data", "digits:test"), "belong together"),
        (("--events", "x.bin", "--bin-ms", "1", "--data", "digits:test"), "one of them"),
        (("--events", "x.bin", "--bin-ms", "0"), "is not in the range"),
        ((), "give --data NAME:SPLIT, --spikes IN.npy or --events FILE"),
    ],
)
def test_input_that_is_not_one_source_is_a_usage_error(program, source, words):
    done = call("simulate", program, *source)
    assert done.exit_code == 2
    assert words in done.stderr
