"""Whatever Lava or Python does, there is one clear error in time and nothing is left behind."""

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import hwsim
from hwsim import Connection, Cuba, Dense, Input, Population, Program
from hwsim.errors import FileError, LavaError, RangeError
from hwsim.trace import Trace
from snnexport import lava
from snnexport.formats.lava import write_lava

ONE = Program(
    "one",
    "loihi2",
    Input("in", (2,)),
    (Population("out", (2,), Cuba.integrator(640), 1),),
    (Connection("in", "out", Dense(np.array([[2, 4], [-6, 8]]))),),
    "out",
)
SPIKES = np.ones((4, 1, 2), np.int8)


@pytest.fixture
def artefact(tmp_path):
    write_lava(ONE, tmp_path / "lava")
    return tmp_path / "lava"


MARK = f"9{os.getpid()}"
"""Seconds to sleep that no other test run on this machine uses."""


def replace_main(folder, body):
    """Put ``body`` in place of the start of network.py's main, after Lava was imported."""
    network = folder / "network.py"
    text = network.read_text()
    assert "    parser = argparse" in text
    network.write_text(text.replace("    parser = argparse", f"    {body}\n    parser = argparse"))


def test_hanging_python_is_one_error_in_time_and_leaves_no_process(monkeypatch, script, running):
    python = script(f"exec sleep {MARK}1")
    monkeypatch.setenv("SPIKEPORT_LAVA_PYTHON", str(python))
    monkeypatch.setenv("SPIKEPORT_LAVA_TIMEOUT", "1")
    start = time.monotonic()
    with pytest.raises(
        LavaError, match=r"python3\.10 is not a working .*did not answer within 1 s"
    ):
        lava.run(ONE, SPIKES)
    assert time.monotonic() - start < 30
    assert running(f"{MARK}1") == []


def test_python_that_hangs_when_uv_probes_it_is_one_error_in_time(monkeypatch, script, running):
    python = script(f'case "$*" in -c*) echo Python 3 10;; *) sleep {MARK}2;; esac')
    monkeypatch.setenv("SPIKEPORT_LAVA_PYTHON", str(python))
    start = time.monotonic()
    with pytest.raises(LavaError, match="did not answer within 2 s"):
        lava.run(ONE, SPIKES, timeout_s=2)
    assert time.monotonic() - start < 45
    assert running(f"{MARK}2") == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo Python 3 12", "it says 'Python 3 12'"),
        ("echo no >&2; exit 3", "it ended with code 3"),
    ],
)
def test_named_python_of_another_version_is_refused_by_name(monkeypatch, script, body, reason):
    monkeypatch.setenv("SPIKEPORT_LAVA_PYTHON", str(script(body)))
    with pytest.raises(LavaError, match=f"SPIKEPORT_LAVA_PYTHON = .*: {reason}"):
        lava.find_python()


def test_named_python_that_does_not_exist_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("SPIKEPORT_LAVA_PYTHON", "/nowhere/python3.10")
    with pytest.raises(LavaError, match=r"/nowhere/python3\.10 is not a working Python 3\.10"):
        lava.run(ONE, SPIKES)


def test_broken_shim_is_passed_over_for_the_newest_of_pyenv(monkeypatch, tmp_path, script):
    script("echo 'shim: python3.10: command not found' >&2; exit 127")
    for version in ("3.10.2", "3.10.13", "3.10.9"):
        folder = tmp_path / "pyenv" / "versions" / version / "bin"
        folder.mkdir(parents=True)
        (folder / "python3.10").write_text("#!/bin/sh\necho Python 3 10\n")
        (folder / "python3.10").chmod(0o755)
    monkeypatch.delenv("SPIKEPORT_LAVA_PYTHON", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    found = lava.find_python()
    assert found == tmp_path / "pyenv" / "versions" / "3.10.13" / "bin" / "python3.10"


def test_no_python_and_no_download_is_one_error_that_lists_the_ways(monkeypatch, tmp_path):
    for name in ("SPIKEPORT_LAVA_PYTHON", "PYENV_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "none"))
    assert lava.find_python() is None
    with pytest.raises(LavaError, match=r"no Python 3\.10 to be had") as caught:
        lava.run(ONE, SPIKES)
    for way in ("SPIKEPORT_LAVA_PYTHON", "install python3.10", "let uv download"):
        assert way in caught.value.hint


def test_input_is_checked_before_lava_is_started(monkeypatch):
    monkeypatch.setenv("SPIKEPORT_LAVA_PYTHON", "/nowhere/python3.10")
    with pytest.raises(RangeError, match="input in of program one: value 2"):
        lava.run(ONE, 2 * SPIKES)
    with pytest.raises(RangeError, match="steps = 0"):
        lava.run(ONE, SPIKES, steps=0)


def test_time_limit_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("SPIKEPORT_LAVA_TIMEOUT", "soon")
    with pytest.raises(RangeError, match="SPIKEPORT_LAVA_TIMEOUT = soon is not a time"):
        lava.run(ONE, SPIKES)


def test_folder_without_network_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"network\.py: no such file"):
        lava.run_folder(tmp_path, SPIKES)


@pytest.mark.lava
def test_lava_that_cannot_be_installed_is_not_called_a_missing_python(artefact):
    network = artefact / "network.py"
    network.write_text(network.read_text().replace("lava-nc==0.10.0", "lava-nc==0.0.0.1"))
    with pytest.raises(LavaError, match=r"lava-nc 0\.10\.0 could not be installed") as caught:
        lava.run_folder(artefact, SPIKES)
    assert "no Python" not in str(caught.value)


@pytest.mark.lava
def test_crash_in_the_worker_is_an_error_with_its_reason(artefact):
    replace_main(artefact, 'raise RuntimeError("the moon is wrong")')
    with pytest.raises(LavaError, match=r"(?s)ended with code 1.*the moon is wrong"):
        lava.run_folder(artefact, SPIKES)


@pytest.mark.lava
def test_worker_that_never_returns_is_one_error_in_time(artefact, running):
    replace_main(artefact, "time.sleep(10_000)")
    with pytest.raises(LavaError, match="did not answer within 4 s"):
        lava.run_folder(artefact, SPIKES, timeout_s=4)
    assert running(artefact) == []


@pytest.mark.lava
def test_result_of_a_worker_that_never_exits_is_used(artefact, running):
    network = artefact / "network.py"
    network.write_text(network.read_text().replace("    os._exit(0)", "    time.sleep(10_000)"))
    trace = lava.run_folder(artefact, SPIKES)
    assert trace.spikes["out"].shape == (5, 1, 2)
    assert running(artefact) == []


@pytest.mark.lava
def test_killed_lava_leaves_no_process_no_shared_memory_and_no_file(
    artefact, running, shared_memory, tmp_path, monkeypatch
):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    network = artefact / "network.py"
    text = network.read_text()
    assert text.count(" report(done)\n") == 1
    network.write_text(text.replace(" report(done)\n", " time.sleep(10_000)\n"))
    with ThreadPoolExecutor() as pool:
        run = pool.submit(lava.run_folder, artefact, SPIKES, timeout_s=6)
        seen = set()
        while not run.done():
            seen |= shared_memory(network)
            time.sleep(0.05)
        with pytest.raises(LavaError, match="did not answer"):
            run.result()
    assert len(seen) > 5
    assert [path for path in seen if Path(path).exists()] == []
    assert running(network) == []
    assert list(temporary.iterdir()) == []


def interrupt(code, cwd, environment, seen):
    """Run ``code``, interrupt it once ``seen``, and return what it wrote to stderr."""
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, cwd=cwd
    )
    deadline = time.monotonic() + 30
    while not seen() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=120)[1]


WHERE = Path(lava.__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(WHERE)}


@pytest.mark.lava
def test_interrupt_kills_the_whole_group(artefact, running):
    replace_main(artefact, "time.sleep(10_000)")
    code = (
        "import sys, numpy as np; from pathlib import Path; from snnexport import lava;"
        f"lava.run_folder(Path({str(artefact)!r}), np.ones((4, 1, 2), np.int8))"
    )
    errors = interrupt(code, WHERE, ENVIRONMENT, lambda: running(f"python {artefact}/network.py"))
    assert b"KeyboardInterrupt" in errors
    assert running(f"{artefact}/network.py") == []


@pytest.mark.lava
def test_interrupt_ends_the_workers_of_many_networks(tmp_path, running):
    ONE.save(tmp_path / "one.onnx")
    code = (
        "import numpy as np; from snnexport import lava; from hwsim import Program;"
        f"one = Program.load({str(tmp_path / 'one.onnx')!r});"
        "lava.run_many([(one, np.ones((9, 1, 2), np.int8))] * 100, workers=2)"
    )
    environment = ENVIRONMENT | {"TMPDIR": str(tmp_path)}
    errors = interrupt(code, WHERE, environment, lambda: list(tmp_path.glob("*/10/out.npz")))
    assert b"KeyboardInterrupt" in errors
    assert running(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["one.onnx"]


@pytest.mark.lava
def test_of_many_networks_those_that_fail_are_named_and_the_others_kept(monkeypatch, running):
    folders = []

    def spoiled(program, folder):
        folders.append(folder)
        write_lava(program, folder)
        network = folder / "network.py"
        text = network.read_text()
        if program.name == "crash":  # in a model, in the first step
            text = text.replace("num_weight_bits=8", "num_weight_bits=None")
        if program.name == "hang":
            text = text.replace(
                "    spikes = np.load", "    time.sleep(10_000)\n    spikes = np.load"
            )
        network.write_text(text)

    monkeypatch.setattr("snnexport.lava.many.write_lava", spoiled)
    names = ["one", "crash", "two", "hang", "three"]
    found = lava.run_many([(replace(ONE, name=name), SPIKES) for name in names], timeout_s=5)
    assert [type(result) for result in found] == [Trace, LavaError, Trace, LavaError, Trace]
    wanted = hwsim.run(ONE, SPIKES, engine="reference", record="state").trace
    for trace in found[::2]:
        assert trace.arrays.keys() == wanted.arrays.keys()
        np.testing.assert_array_equal(trace.spikes["out"], wanted.spikes["out"])
    assert re.match("(?s)program crash: .*TypeError", found[1].message)
    assert "program hang: Lava did not answer within 5 s" in found[3].message
    assert running(folders[0].parent) == []


def test_many_networks_without_a_python_are_one_error(monkeypatch):
    monkeypatch.setenv("SPIKEPORT_LAVA_PYTHON", "/nowhere/python3.10")
    with pytest.raises(LavaError, match="not a working Python"):
        lava.run_many([(ONE, SPIKES), (ONE, SPIKES)])
    with pytest.raises(RangeError, match="workers = 0"):
        lava.run_many([(ONE, SPIKES)], workers=0)
