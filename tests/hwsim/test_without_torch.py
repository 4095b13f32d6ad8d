"""The machine alone: it runs, and is interrupted, with NumPy, onnx and what a report needs."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from strategies import even, frames, small_program

from hwsim import Connection, Cuba, Dense, Input, Population, Program

ABSENT = ("torch", "sklearn", "safetensors", "onnxruntime", "uv", "lava")
SPIKEPORT = f"""
import sys
sys.modules.update(dict.fromkeys({ABSENT}))
from snnexport.cli import main
main()
"""
WATCHED = f"""
import hwsim.reporting as reporting
run, once = reporting.run, iter(["at work"])
def tick(done, total):
    for word in once:
        print(word, flush=True)
reporting.run = lambda *given, **named: run(*given, **{{**named, "progress": tick}})
{SPIKEPORT}"""


def test_a_program_is_simulated_and_reported_without_torch(rng, tmp_path):
    program = small_program(rng)
    program.save(tmp_path / "program.onnx")
    np.save(tmp_path / "in.npy", frames(rng, program))
    command = ["simulate", "program.onnx", "--spikes", "in.npy", "--html", "r.html"]
    done = subprocess.run(
        [sys.executable, "-c", SPIKEPORT, *command, "--trace", "t.npz", "--report", "r.json"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Per inference" in done.stdout
    assert {f.name for f in tmp_path.iterdir()} >= {"r.html", "r.json", "t.npz"}


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_ctrl_c_stops_a_long_simulation_within_a_second_and_leaves_no_file(rng, tmp_path, engine):
    busy = Cuba.leaky(400, 64)
    program = Program(
        "long", "loihi2", Input("in", (8,)), (Population("a", (3000,), busy, 1),),
        (Connection("in", "a", Dense(even(rng, (3000, 8)))),
         Connection("a", "a", Dense(even(rng, (3000, 3000))))), "a",
    )  # fmt: skip
    program.save(tmp_path / "program.onnx")
    np.save(tmp_path / "in.npy", rng.integers(0, 2, (50_000, 8, 8)).astype(np.int8))
    command = ["simulate", "program.onnx", "--spikes", "in.npy", "--report", "r.json"]
    with subprocess.Popen(
        [sys.executable, "-c", WATCHED, *command, "--engine", engine],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdout is not None
        assert running.stdout.readline() == "at work\n"
        asked = time.monotonic()
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=30)
        assert time.monotonic() - asked < 1.5, "a second, and the end of the process"
    assert running.returncode != 0
    assert "Traceback" not in said
    assert sorted(f.name for f in tmp_path.iterdir()) == ["in.npy", "program.onnx"]
