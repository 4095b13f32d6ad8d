"""The compiled engine's sources, its threads, how it stops, what it says when absent."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import hwsim
from hwsim import Connection, Cuba, Dense, Input, Population, Program
from hwsim.engines.base import Job, Recording
from hwsim.engines.native import Native, engine, generate
from hwsim.errors import UnsupportedError

ONE = Program(
    "one", "loihi1", Input("in", (50,)), (Population("p", (400,), Cuba(100, 50, 6400), 1),),
    (Connection("in", "p", Dense(np.ones((400, 50), int))),), "p",
)  # fmt: skip
BIG = Program(
    "big", "loihi1", Input("in", (3000,)), (Population("p", (3000,), Cuba(100, 50, 64000), 1),),
    (Connection("in", "p", Dense(np.ones((3000, 3000), int))),), "p",
)  # fmt: skip


def test_generated_sources_are_what_the_neurons_say():
    assert generate.TARGET.read_text() == generate.source()


def test_a_neuron_that_is_not_compiled_in_is_refused_by_name(monkeypatch):
    @dataclass(frozen=True)
    class Foreign(Cuba):
        LAVA: ClassVar[str] = ""

    monkeypatch.setitem(hwsim.NEURONS, "Foreign", Foreign)
    population = Population("strange", (400,), Foreign(0, 0, 64), 1)
    connection = Connection("in", "strange", ONE.connections[0].synapse)
    program = Program("f", "loihi1", ONE.input, (population,), (connection,), "strange")
    with pytest.raises(UnsupportedError, match=r"strange: neuron Foreign(.|\n)*reference"):
        Native(program)


def test_an_absent_extension_says_so_and_offers_the_reference(monkeypatch):
    monkeypatch.setitem(sys.modules, "hwsim.engines.native._native", None)
    with pytest.raises(UnsupportedError, match=r"compiler(.|\n)*apt(.|\n)*engine=\"reference\""):
        hwsim.run(ONE, np.ones((3, 1, 50), int), engine="native")


def test_the_variant_can_be_forced_from_outside(monkeypatch):
    monkeypatch.setenv("SPIKEPORT_NATIVE_VARIANT", "baseline")
    assert Native(ONE).variant == "baseline"
    assert Native(ONE, variant=engine._extension().variants()[0]).variant != ""


@pytest.mark.parametrize("threads", [1, 2])
def test_ticks_add_up_to_all_steps_of_all_columns(threads):
    ticks = []
    job = Job(30, threads, 7, ticks.append)
    Native(ONE).run(np.ones((20, 5, 50), int), job, Recording())
    assert sum(ticks) == 5 * 30


@pytest.mark.parametrize("threads", [1, 2])
def test_an_exception_in_tick_stops_every_thread_within_a_second(threads):
    class Stopped(Exception):
        pass

    raised = []

    def tick(_):
        raised.append(time.monotonic())
        raise Stopped

    spikes = np.broadcast_to(np.ones((), np.uint8), (20000, 8, 3000))
    with pytest.raises(Stopped):
        Native(BIG).run(spikes, Job(20000, threads, 20000, tick), Recording())
    assert time.monotonic() - raised[0] < 1


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_stops_a_long_run_within_a_second(threads, tmp_path):
    script = (
        "import numpy as np; from test_native_running import BIG, Native, Job, Recording\n"
        "spikes = np.broadcast_to(np.ones((), np.uint8), (10**7, 4, 3000))\n"
        "native = Native(BIG); print('ready', flush=True)\n"
        f"native.run(spikes, Job(10**7, {threads}), Recording())\n"
    )
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path}, cwd=tmp_path,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.5)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert b"KeyboardInterrupt" in errors
    assert time.monotonic() - sent < 2  # one second, and the interpreter's own exit
