"""What ``--help`` and ``--version`` say, and that it is true."""

import shlex
import subprocess
import sys

import click
import pytest
from command import call

from hwsim.options import FILE, FOLDER, WRITTEN
from snnexport._export import Format
from snnexport._verify import Judge
from snnexport.cli import main
from snnexport.commands.files import FORMATS, METHODS
from snnexport.commands.running import JUDGES
from snnexport.passes.calibration import Method

ALIKE = {"--data", "--root", "--samples", "--chip", "--prices", "--html", "--budget", "--json",
         "--quiet", "--verbose", "--quantize", "--calibrate", "--profile"}  # fmt: skip


def options():
    return [(name, option) for name, command in main.commands.items() for option in command.params
            if isinstance(option, click.Option)]  # fmt: skip


def examples(command):
    _, _, lines = (command.epilog or "").partition("Examples:\n")
    return [line.strip() for line in lines.splitlines()]


@pytest.mark.parametrize("name", main.commands)
def test_every_example_is_a_command_that_can_be_given(name):
    command = main.commands[name]
    assert examples(command)
    for line in examples(command):
        program, given, *words = shlex.split(line.partition(" > ")[0])
        assert (program, given) == ("spikeport", name)
        command.make_context(name, words, obj=main.context_settings["obj"])
        assert line in call(name, "--help").stdout


def test_the_main_help_lists_every_command_once_with_a_whole_sentence():
    text = call("--help").stdout
    listed = [
        line.split()[0] for line in text.splitlines() if line[:2] == "  " and line[2:3].islower()
    ]
    assert sorted(set(listed) & set(main.commands)) == sorted(main.commands)
    assert len(listed) == len(set(listed))
    assert "..." not in text.partition("Train:")[2]


def test_options_of_one_name_look_alike_in_all_commands():
    found = {}
    for name, option in options():
        for flag in set(option.opts) & ALIKE:
            found.setdefault(flag, {}).setdefault((*option.opts, option.metavar), []).append(name)
    assert found.keys() == ALIKE
    assert {flag: ways for flag, ways in found.items() if len(ways) > 1} == {}
    assert all("-o" in option.opts for _, option in options() if "--out" in option.opts)


def test_every_option_says_what_it_takes_and_what_for():
    for name, option in options():
        assert option.help, f"{name} {option.name}"
        assert option.is_flag or option.metavar, f"{name} {option.name}"


def test_the_names_in_help_texts_are_all_that_there_are():
    assert list(FORMATS) == [member.value for member in Format]
    assert list(METHODS) == [member.value for member in Method]
    assert list(JUDGES) == [member.value for member in Judge]


def test_every_path_is_known_to_be_read_or_to_be_written():
    kinds = [
        p.type for c in main.commands.values() for p in c.params if isinstance(p.type, click.Path)
    ]
    assert all(kind in (FILE, WRITTEN, FOLDER) for kind in kinds)


def test_help_imports_nothing_that_only_a_run_needs():
    script = (
        "import sys\nfrom click.testing import CliRunner\nfrom snnexport.cli import main\n"
        "assert CliRunner().invoke(main, ['simulate', '--help']).exit_code == 0\n"
        "print({'numpy', 'onnx', 'rich', 'torch', 'networkx', 'jinja2'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_version_tells_what_runs_here_and_what_is_wrong_with_it(monkeypatch):
    monkeypatch.setenv("SPIKEPORT_LAVA_PYTHON", "/no/python")
    first, python, engine, lava = call("--version").stdout.splitlines()
    assert first.startswith("spikeport ")
    assert f"Python {sys.version_info[0]}.{sys.version_info[1]}" in python
    assert engine.startswith("engine: ")
    assert "SPIKEPORT_LAVA_PYTHON = /no/python is not a working Python 3.10" in lava
