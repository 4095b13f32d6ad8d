"""From a checkpoint to a program: every stage, what it is told, and how its input is coded."""

import json
from dataclasses import replace

import architectures
import numpy as np
import pytest
from strategies import small_program

from hwsim import load_chip, run
from hwsim.errors import FileError, RangeError
from snnexport import Choices, Format, LayerChoice, Method, choices_of, export, stages
from snnexport._export import golden_input
from snnexport.shipped import shipped_checkpoint
from snnexport.source import Source, coded, read
from snntrain import Checkpoint, evaluate, load


@pytest.fixture(scope="module")
def checkpoint():
    return Checkpoint.load(shipped_checkpoint("digits-conv"))


@pytest.fixture(scope="module")
def written(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "net"
    done = stages(checkpoint, load_chip("loihi2"), name="digits")
    export(done, folder, [Format.ONNX], *golden_input(checkpoint, done.program))
    return done, folder


def test_provenance_names_the_checkpoint_and_every_scale(checkpoint):
    done = stages(checkpoint, load_chip("loihi1"), name="digits")
    meta = done.program.metadata
    assert meta["checkpoint.sha256"] == checkpoint.sha256
    assert meta["recipe.seed"] == str(checkpoint.recipe.train.seed)
    assert json.loads(meta["calibration"]) == [0, 16]
    scales = json.loads(meta["scales"])
    assert scales == {
        p.name: p.scale.tolist() for p in done.quantized.layers if p.scale is not None
    }
    assert done.remarks == []


def test_calibration_data_of_another_shape_is_refused(checkpoint):
    data = load("digits", "validation")
    data = replace(data, pixels=data.images[:, :, :4])
    with pytest.raises(RangeError, match=r"digits:validation: images of shape \(1, 4, 8\)"):
        stages(checkpoint, load_chip("loihi2"), name="digits", calibration=data)


def test_the_golden_input_is_real_data_and_never_the_test_split(checkpoint):
    done = stages(checkpoint, load_chip("loihi1"), name="digits")
    frames, origin = golden_input(checkpoint, done.program)
    images = load("digits", "validation").images[:8]
    assert origin == "digits:validation, first 8"
    assert all((frame == images).all() for frame in frames)


def test_the_program_is_at_most_three_images_worse_than_the_float_network(checkpoint):
    test = load("digits", "test")
    program = stages(checkpoint, load_chip("loihi1"), name="digits").program
    result = run(program, coded(program, test.images))
    right = (result.predictions == test.labels).sum()
    exact = (evaluate(checkpoint, test).predictions == test.labels).sum()
    assert right >= exact - 3
    assert right >= 0.975 * len(test.labels)


def test_images_are_coded_in_units_of_the_input_step_wherever_a_program_reads_them(checkpoint):
    program = stages(checkpoint, load_chip("loihi1"), name="digits").program
    coarse = replace(program, metadata={**program.metadata, "input.step": "4.0"})
    images = load("digits", "validation").images[:8]
    expected = np.rint(images / 4.0)
    for frames in (
        coded(coarse, images),
        golden_input(checkpoint, coarse)[0],
        read(Source("digits:validation", None, None, 8), coarse).frames,
    ):
        assert frames.shape == (program.frames, *images.shape)
        assert (frames == expected).all()
    assert (coded(program, images) == images).all()


def test_spikes_from_a_file_are_messages_as_they_are(checkpoint, tmp_path):
    program = stages(checkpoint, load_chip("loihi1"), name="digits").program
    coarse = replace(program, metadata={**program.metadata, "input.step": "4.0"})
    np.save(tmp_path / "in.npy", np.full((6, 2, 1, 8, 8), 3))
    given = read(Source(None, tmp_path / "in.npy", None, None), coarse)
    assert (given.frames == 3).all()
    assert given.images is None


@pytest.mark.parametrize("text", ["0", "-1.0", "nan", "inf", "four"])
def test_an_input_step_that_is_none_is_refused(checkpoint, text):
    program = stages(checkpoint, load_chip("loihi1"), name="digits").program
    broken = replace(program, metadata={**program.metadata, "input.step": text})
    with pytest.raises(FileError, match=r"input\.step"):
        coded(broken, np.zeros((1, 1, 8, 8), np.uint8))


def test_a_one_dimensional_image_is_one_row_to_the_program(rng):
    program = small_program(rng, period=4)
    channels, height, width = program.input.shape
    images = rng.integers(0, 17, (3, channels, height * width))
    frames = coded(program, images)
    assert frames.shape == (4, 3, channels, height, width)
    assert (frames.reshape(4, *images.shape) == images).all()


def test_the_choices_that_export_writes_make_the_same_program_again(checkpoint, written):
    done, folder = written
    choices = Choices.load(folder / "quantize.toml")
    assert set(choices.layers) == {p.name for p in done.quantized.layers}
    again = stages(checkpoint, load_chip("loihi2"), name="digits", choices=choices)
    assert again.program.to_bytes() == done.program.to_bytes()


def test_edited_choices_change_the_layer_that_they_name(checkpoint, written):
    done, folder = written
    choices = Choices.load(folder / "quantize.toml")
    narrow = {**choices.layers, "spike2": LayerChoice(weight_bits=4)}
    again = stages(
        checkpoint, load_chip("loihi2"), name="digits", choices=replace(choices, layers=narrow)
    )
    weights = [p.layer("spike2").edges[0].weights.weight for p in (done.quantized, again.quantized)]
    assert [len(np.unique(w)) > 16 for w in weights] == [True, False]
    for other in ("spike1", "output"):
        before, after = (g.layer(other).edges[0].weights for g in (done.quantized, again.quantized))
        assert np.array_equal(before.weight, after.weight)


def test_a_method_counts_for_every_layer_without_a_choice_of_its_own(checkpoint):
    given = Choices(layers={"spike2": LayerChoice(weight_bits=6)})
    how = {"choices": given, "method": Method.MSE}
    done = stages(checkpoint, load_chip("loihi2"), name="digits", **how)
    made = choices_of(done.quantized).layers
    methods = [made[name].method for name in ("spike1", "spike3", "output")]
    assert methods == [Method.MSE] * 3
    assert (made["spike2"].method, made["spike2"].weight_bits) == (Method.MINMAX, 6)


def test_calibration_data_bounds_the_input_and_is_named_in_the_program(checkpoint):
    data, told = load("digits", "validation"), []
    done = stages(
        checkpoint, load_chip("loihi2"), name="digits", calibration=data,
        progress=lambda *at: told.append(at),
    )  # fmt: skip
    assert told == [(64, 180), (128, 180), (180, 180)]
    meta = done.program.metadata
    assert meta["calibration.data"] == "digits:validation"
    assert json.loads(meta["calibration"]) == [0, int(data.images.max())]


def test_remarks_say_what_is_not_as_it_was_trained():
    network = architectures.checkpoint("residual sew-add")
    chip = load_chip("loihi2")
    plain = stages(network, chip, name="sew")
    name = next(line.partition(": ")[0] for line in plain.remarks if "synapses: " in line)
    ways = {}
    for way in ("relay", "copies"):
        done = stages(network, chip, name="sew", choices=Choices(sums={name: way}))
        (ways[way],) = (line for line in done.remarks if line.startswith(f"{name}: "))
    assert "sent on by a relay" in ways["relay"]
    assert "adds up itself" in ways["copies"]
    coarse = stages(network, chip, name="sew", choices=Choices(step=2.0)).remarks
    assert "input: rounded to multiples of 2, sent as 0..8" in coarse
