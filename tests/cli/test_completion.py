"""Completion as shells ask for it: of commands, options, names, lists and words with colons."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from command import call

from snnexport.cli import main

BASH = """
source "$SCRIPT"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_spikeport_completion "$PROGRAM"
echo "${COMPREPLY[@]}"
"""


def complete(*words, shell="zsh"):
    """Return what the program offers for the last of ``words``."""
    environment = {
        "_SPIKEPORT_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": "\n".join(["spikeport", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = CliRunner().invoke(main, env=environment, prog_name="spikeport")
    assert done.exit_code == 0
    assert done.stderr == ""
    return done.stdout.split("\n")[1::3] if shell == "zsh" else done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["simu"], ["simulate"]),
        (["simulate", "p.onnx", "--bud"], ["--budget"]),
        (["simulate", "p.onnx", "--data", "digits:t"], ["digits:train", "digits:test"]),
        (["export", "c.safetensors", "--calibrate", "shd:v"], ["shd:validation"]),
        (["evaluate", "c.safetensors", "--data", "imagenette:te"], ["imagenette:test"]),
        (["check", "p.onnx", "--chip", "lo"], ["loihi1", "loihi2"]),
        (["chips", "ak"], ["akida"]),
        (["export", "c.safetensors", "--format", "onnx,n"], ["onnx,netx", "onnx,nir"]),
        (["export", "c.safetensors", "--method", "p"], ["percentile"]),
        (["simulate", "p.onnx", "--engine", "n"], ["native"]),
        (["simulate", "p.onnx", "--chip", "truenorth", "--prices", "a,truenorth-2014"],
         ["a,truenorth-2014"]),
        (["simulate", "p.onnx", "--chip", "nowhere", "--prices", "lo"], ["lo"]),
        (["verify", "p.onnx", "--against", "native,l"], ["native,lava"]),
        (["convert", "n.nir", "--profile", "snn"], ["snntorch"]),
        (["convert", "n.nir", "--reset", "subtract-"], ["subtract-late"]),
        (["train", "r.toml", "--profile", "roc"], ["rockpool"]),
        (["completion", "f"], ["fish"]),
        (["inspect", "some"], ["some"]),
    ],
)  # fmt: skip
def test_names_are_completed(words, offered):
    assert complete(*words) == offered


def test_completion_of_names_is_quick_for_it_imports_no_torch():
    script = (
        "import sys\nfrom click.testing import CliRunner\nfrom snnexport.cli import main\n"
        "for words in ('export c --format o', 'verify p --against l', 'evaluate c --data d'):\n"
        "    asked = {'_SPIKEPORT_COMPLETE': 'bash_complete', 'COMP_WORDS': 'spikeport ' + words,\n"
        "             'COMP_CWORD': '4'}\n"
        "    assert CliRunner().invoke(main, env=asked, prog_name='spikeport').stdout\n"
        "print({'torch', 'onnx', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_where_no_name_fits_files_are_offered():
    assert complete("check", "p.onnx", "--chip", "my", shell="bash") == ["file,my"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_the_program(shell):
    text = call("completion", shell).stdout
    assert f"_SPIKEPORT_COMPLETE={shell}_complete" in text


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["simulate", "p.onnx", "--data", "shd"], "shd:train shd:validation shd:test"),
        (["simulate", "p.onnx", "--data", "shd", ":"], "train validation test"),
        (["simulate", "p.onnx", "--data", "shd", ":", "te"], "test"),
        (["simulate", "p.onnx", "--data", "shd", ":", "test", "--bud"], "--budget"),
        (["check", "p.onnx", "--chip", ""], "akida cmos45 loihi1 loihi2 odin seneca speck "
         "spinnaker2 truenorth xylo"),
    ],
)  # fmt: skip
def test_bash_itself_completes_words_that_it_cuts_at_colons(words, offered, tmp_path):
    (tmp_path / "script").write_text(call("completion", "bash").stdout)
    program = tmp_path / "spikeport"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m snnexport.cli "$@"\n')
    program.chmod(0o755)
    given = {"SCRIPT": str(tmp_path / "script"), "PROGRAM": str(program)}
    done = subprocess.run(
        ["bash", "-c", BASH, "bash", "spikeport", *words],
        env={**os.environ, **given}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == offered
    assert done.stderr == ""
