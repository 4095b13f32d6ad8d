"""``spikeport convert FILE.nir``: profiles, what is printed and kept, and what is refused."""

import json

import numpy as np
import pytest
from command import call
from nir_files import affine, chain, lif, nir_file, port

from hwsim import run
from hwsim.program import Program

DT = 1e-4


@pytest.fixture
def file(tmp_path):
    """A network of two LIFs, of which the second gets just its threshold at times."""
    nodes = {
        "input": port("Input", 2),
        "w1": affine([[1, 0], [0, 1]]),
        "a": lif(2, tau=np.full(2, 2e-4), r=np.full(2, 2.0), v_threshold=np.full(2, 0.5)),
        "w2": affine([[0.5, 0.5]]),
        "b": lif(1, tau=np.full(1, 2e-4), r=np.full(1, 2.0), v_threshold=np.full(1, 0.5)),
        "output": port("Output", 1),
    }
    return nir_file(tmp_path / "net.nir", nodes, chain(*nodes))


def converted(file, *options):
    """Return the program and the lines that convert says it assumed."""
    target = file.with_suffix(".onnx")
    done = call("convert", file, "-o", target, "--json", *options)
    assert done.exit_code == 0, done.output
    return Program.load(target), json.loads(done.stdout)["assumed"]


def test_without_a_profile_nothing_is_written(file):
    done = call("convert", file, "-o", file.with_suffix(".onnx"))
    assert done.exit_code == 1
    assert "NIR does not say how long a step is" in done.stderr
    assert "--profile: nir-euler" in done.stderr
    assert not file.with_suffix(".onnx").exists()


def test_what_was_assumed_is_printed_and_kept_in_the_program(file):
    program, lines = converted(file, "--profile", "snntorch")
    assert json.loads(program.metadata["nir.assumed"]) == lines
    assert program.metadata["nir.profile"] == "snntorch"
    assert any("read with profile snntorch (given)" in line for line in lines)
    assert any("assumed: reset to zero" in line for line in lines)
    assert any("never set to rest" in line for line in lines)
    assert program.period is None
    frames = np.random.default_rng(0).integers(0, 2, (50, 3, 2))
    assert run(program, frames).counts.populations[0].spikes > 0


def test_a_period_and_a_range_make_a_program_that_streams(file):
    options = ("--profile", "nir-euler", "--period", "7", "--input-range", "0,5")
    program, _ = converted(file, *options)
    assert (program.period, program.input.high) == (7, 5)


def test_alone_makes_a_program_into_which_nothing_streams(file):
    program, _ = converted(file, "--profile", "nir-euler", "--period", "7", "--alone")
    assert (program.period, program.streamed) == (7, False)


def test_a_threshold_that_is_reached_is_refused_or_measured(file):
    target = file.with_suffix(".onnx")
    done = call("convert", file, "-o", target, "--profile", "spikingjelly")
    assert done.exit_code == 1
    assert "--approximate threshold" in done.stderr
    program, lines = converted(file, "--profile", "spikingjelly", "--approximate", "threshold")
    counted = [line for line in lines if "fires above its threshold, not at it" in line]
    assert [line.partition(":")[0] for line in counted] == ["a", "b"]
    differing = int(counted[1].split("not at it: ")[1].split(" of ")[0])
    assert differing > 0  # b reaches 0.5 wherever both of a fire
    assert json.loads(program.metadata["nir.assumed"]) == lines


def test_a_choice_replaces_what_the_profile_says(file):
    program, lines = converted(file, "--profile", "snntorch", "--reset", "subtract-late")
    assert type(program.population("a").neuron).__name__ == "CubaLateReset"
    assert not any("assumed: reset" in line for line in lines)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--layers", "3"), "--layers is not for NIR files"),
        (("--reset", "zero"), "change a --profile; give one"),
        (("--profile", "sinabs", "--reset", "half"), "not one of zero, subtract, subtract-late"),
        (("--profile", "sinabs", "--approximate", "all"), "not one of threshold"),
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(file, options, said):
    done = call("convert", file, "-o", file.with_suffix(".onnx"), *options)
    assert done.exit_code == 2
    assert said in done.stderr


def test_options_for_nir_are_refused_for_netx(tmp_path):
    done = call("convert", tmp_path / "a.net", "-o", tmp_path / "b.onnx", "--profile", "sinabs")
    assert done.exit_code == 2
    assert "--profile is not for netx files" in done.stderr


def test_data_cannot_calibrate_what_has_no_length(file):
    target = file.with_suffix(".onnx")
    options = ("--profile", "nir-euler", "--calibrate", "digits:train")
    done = call("convert", file, "-o", target, *options)
    assert done.exit_code == 1
    assert "--period" in done.stderr


def test_an_export_as_nir_converts_back_to_the_same_program(root, tmp_path):
    checkpoint = root / "models" / "digits-conv" / "checkpoint.safetensors"
    done = call("export", checkpoint, "-o", tmp_path / "out", "--format", "nir")
    assert done.exit_code == 0, done.output
    target = tmp_path / "back.onnx"
    assert call("convert", tmp_path / "out" / "network.nir", "-o", target).exit_code == 0
    assert target.read_bytes() == (tmp_path / "out" / "program.onnx").read_bytes()


def test_inspect_shows_the_nodes(file):
    facts = json.loads(call("inspect", file, "--json").stdout)
    assert (facts["kind"], facts["nodes"]) == ("NIR file", 6)
    rows = {row["node"]: row for row in facts["rows"]}
    assert (rows["a"]["kind"], rows["a"]["from"]) == ("LIF", "w1")
    assert "weight 2x2" in rows["w1"]["holds"]
