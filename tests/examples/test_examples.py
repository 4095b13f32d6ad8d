"""The scripts in examples/ run as a user runs them, and what they say is so."""

import os
import re
import subprocess
import sys
from hashlib import sha256
from math import prod

import pytest

from hwsim import Program
from hwsim.energy import Report

WITHOUT_TORCH = (
    "import runpy, sys; sys.modules['torch'] = None; "  # an import of torch fails then
    "runpy.run_path(sys.argv[1], run_name='__main__')"
)


@pytest.fixture
def example(root, tmp_path):
    """Run a script of examples/ in an empty directory; return what it prints."""

    def run(name, *before):
        command = [sys.executable, *before, str(root / "examples" / name)]
        alone = {**os.environ, "OMP_NUM_THREADS": "1"}  # networks too small for more threads
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=alone)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_digits_are_learned_exported_and_priced_as_one_program(example, tmp_path):
    said = example("train_export_report.py")
    program = (tmp_path / "digits/program.onnx").read_bytes()
    network = (tmp_path / "digits/lava/network.py").read_text()
    assert f"PROGRAM_SHA256 = {sha256(program).hexdigest()!r}" in network
    assert "onnxruntime: 0 of" in said
    report = Report.load(tmp_path / "digits/report.json")
    assert report.samples == 540
    assert report.context.accuracy_program > 0.9
    in_floats = float(re.search(r"in floats: ([\d.]+) %", said)[1])
    assert abs(100 * report.context.accuracy_program - in_floats) < 3  # 8 bits lose less
    assert report.per_inference.energy_uj.low > 0
    assert "<svg" in (tmp_path / "digits/report.html").read_text()


@pytest.mark.lava
def test_real_lava_computes_the_spikes_of_a_network_of_ones_own(example, tmp_path):
    said = example("own_network_to_lava.py")
    assert float(re.search(r"integers: ([\d.]+) %", said)[1]) > 85
    mismatches, compared = re.search(r"real Lava: (\d+) of ([\d,]+)", said).groups()
    program = Program.load(tmp_path / "two-paths/program.onnx")
    neurons = sum(prod(p.shape) for p in program.populations)
    assert int(mismatches) == 0
    assert int(compared.replace(",", "")) == (20 * 4 + program.latency) * neurons


def test_a_design_is_priced_on_both_chips_without_torch(example):
    said = example("price_a_design.py", "-c", WITHOUT_TORCH)
    energies = re.findall(r"^  energy ([\d.]+) to ([\d.]+) uJ", said, re.MULTILINE)
    assert len(energies) == 2
    assert all(0 < float(low) <= float(high) for low, high in energies)
    (counts,) = {line.partition(": ")[2] for line in said.splitlines() if " spikes, " in line}
    assert counts == "2,556 spikes, 59,742 synaptic operations"
    assert "not in it: static power" in said
