"""How loud commands are, and what they do on terminals of every kind, in pipes, on full disks."""

import fcntl
import json
import logging
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

import numpy as np
import pytest
from command import call

from hwsim.console import LOG

PROGRAM = [sys.executable, "-m", "snnexport.cli"]
WRONG = ("chips", "loihi9")
DATA = ("--data", "digits:test", "--samples", 2)


def on_terminal(*words, program=PROGRAM, columns=100, **environment):
    """Run ``program`` with stderr on a terminal; return its status, stdout and what it drew."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    given = {**plain, "TERM": "xterm-256color", **environment}
    with (
        tempfile.TemporaryFile("w+") as printed,
        subprocess.Popen(
            [*program, *map(str, words)], env=given, stdout=printed, stderr=theirs
        ) as running,
    ):
        os.close(theirs)
        drawn = b"".join(iter(lambda: _read(ours), b""))
        status = running.wait()
        printed.seek(0)
        found = printed.read()
    os.close(ours)
    return status, found, drawn.decode()


def _read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux: the other end is closed
        return b""


def piped(*words, **options):
    return subprocess.run(
        [*PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=120, **options
    )


@pytest.fixture(scope="module")
def spikes(tmp_path_factory):
    """Two samples for the exported program: reading them takes no torch."""
    path = tmp_path_factory.mktemp("spikes") / "in.npy"
    np.save(path, np.random.default_rng(0).integers(0, 17, (6, 2, 1, 8, 8)))
    return path


def test_every_stage_of_a_simulation_has_a_bar_that_is_cleared(exported, spikes):
    command = ("simulate", exported / "program.onnx", "--spikes", spikes, "--json")
    status, printed, drawn = on_terminal(*command)
    assert status == 0
    assert json.loads(printed)["data"]["samples"] == 2
    for stage in ("simulate", "record spikes", "fewer frames"):
        assert re.search(rf"{stage} .*━.*\d%", drawn), stage
    assert re.search(r"\x1b\[2K\s*\x1b\[\?25h\s*$", drawn), "the line is empty, the cursor back"


def test_a_bar_shows_rate_time_left_and_a_note():
    script = (
        "import time\nfrom hwsim.console import progress_bar\n"
        "with progress_bar('work', 'pages') as bar:\n"
        "    for done in range(10):\n"
        "        bar(done, 1000, note='so far')\n"
        "        time.sleep(0.1)\n"
    )
    _, _, drawn = on_terminal("-c", script, program=[sys.executable], NO_COLOR="1")
    assert re.search(r"work +[01]% [\d.]+ pages/s 0\d:\d\d so far", drawn)


@pytest.mark.parametrize(("options", "kind"), [(["--quiet"], "xterm"), ([], "dumb")])
def test_no_bar_is_drawn_where_none_is_wanted(options, kind, exported, spikes):
    command = ("simulate", exported / "program.onnx", "--spikes", spikes, "--json", *options)
    assert on_terminal(*command, TERM=kind)[2] == ""


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False),
     ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False)],
)  # fmt: skip
def test_errors_are_coloured_on_terminals_that_want_it(environment, coloured):
    status, _, drawn = on_terminal(*WRONG, **environment)
    assert status == 1
    assert ("\x1b[31m" in drawn) is coloured
    assert "there is no chip 'loihi9'" in drawn


def test_a_pipe_is_coloured_only_by_force():
    assert "\x1b" not in piped(*WRONG).stderr
    assert "\x1b[31m" in piped(*WRONG, env={**os.environ, "FORCE_COLOR": "1"}).stderr


@pytest.mark.parametrize("place", ["before", "after"])
def test_verbose_tells_what_is_done_and_leaves_the_result_as_it_is(place, exported, tmp_path):
    report, loud = tmp_path / "r.json", ["-v"]
    command = ["simulate", exported / "program.onnx", *DATA, "--report", report, "--json"]
    done = call(*loud, *command) if place == "before" else call(*command, *loud)
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json.loads(report.read_text())
    assert re.search(rf"^\[ *\d+\.\d\d s\] wrote {report}, \d+ bytes$", done.stderr, re.MULTILINE)
    for told in ("Python 3.", "read data digits:test, 540 samples", "engine native", " threads"):
        assert told in done.stderr
    assert call(*command).stderr == ""


def test_quiet_leaves_results_and_errors(exported, tmp_path):
    program = exported / "program.onnx"
    assert "no problem(s)" in call("check", program).stderr
    assert call("check", program, "-q").stderr == ""
    assert call("chips", "loihi1", "-q").stdout == call("chips", "loihi1").stdout
    assert call("-q", *WRONG).stderr == call(*WRONG).stderr != ""


def test_of_quiet_and_verbose_the_last_counts():
    assert "engine: " in call("-q", "chips", "-v").stderr
    assert call("-v", "chips", "--quiet").stderr == ""


def test_a_hostile_name_in_a_detail_reaches_the_terminal_as_text():
    done = call("report", "\x1b[31mred\u202e.json", "-v")
    assert r"reading \x1b[31mred\u202e.json" in done.stderr
    assert not {"\x1b", "\u202e"} & set(done.stderr)


def test_verbose_says_where_an_error_arose():
    done = call(*WRONG, "--verbose")
    assert done.exit_code == 1
    assert "Traceback" in done.stderr
    assert "load_chip" in done.stderr
    assert done.stderr.endswith(call(*WRONG).stderr)


def test_a_program_that_uses_the_library_is_told_nothing_of_a_command_that_has_run():
    level, handlers = LOG.level, list(LOG.handlers)
    call("chips", "-v")
    assert (LOG.level, LOG.handlers) == (level, handlers)
    assert not LOG.isEnabledFor(logging.INFO)


def test_a_terminal_without_unicode_is_shown_rules_of_ascii(exported):
    command = ("inspect", exported / "program.onnx")
    done = piped(*command, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "?" not in done.stdout
    table = [line for line in call(*command).stdout.splitlines() if "spike1" in line]
    assert table[-1].replace("│", "|") in done.stdout


@pytest.mark.parametrize("arguments", [("chips", "loihi1"), ("chips", "--json"), ("--help",)])
def test_a_full_disk_behind_stdout_is_one_error(arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: standard output: No space left on device\nhint: ")
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error_message():
    with subprocess.Popen([*PROGRAM, "chips", "--json"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as running:  # fmt: skip
        assert running.stdout is not None
        running.stdout.close()
        assert running.stderr is not None
        assert running.stderr.read() == b""


def test_a_closed_stdin_changes_nothing():
    script = 'exec "$0" -m snnexport.cli chips <&-'
    done = subprocess.run(["sh", "-c", script, sys.executable], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, call("chips").stdout)


def test_ctrl_c_ends_with_130_and_one_word(exported, tmp_path):
    spikes = tmp_path / "in.npy"
    np.save(spikes, np.ones((6, 2000, 1, 8, 8), np.int8))
    command = ["verify", exported / "program.onnx", "--spikes", spikes, "--json", "-v"]
    command += ["--against", "reference"]
    with subprocess.Popen([*PROGRAM, *map(str, command)], cwd=tmp_path, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:  # fmt: skip
        assert running.stderr is not None
        while "asking reference" not in running.stderr.readline():
            assert running.poll() is None
        time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        printed, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said.splitlines()[-1] == "error: interrupted"
    assert "Traceback" not in said
    assert printed == ""
    assert list(tmp_path.iterdir()) == [spikes]


def test_a_narrow_terminal_gets_the_whole_help():
    text = piped("simulate", "--help", env={**os.environ, "COLUMNS": "40"}).stdout
    assert " ".join(text.split()).count("synops=2e5") == 1
    assert "Print one JSON object" in " ".join(text.split())
