"""Networks of SpikingJelly 2.0.0 answer here what they answer there, and on real Lava."""

from pathlib import Path

from peers.frameworks.running import in_framework

JOB = Path(__file__).parent / "frameworks/spikingjelly_job.py"
GUIDE = JOB.with_name("guide_job.py")


def test_every_neuron_fires_and_integrates_as_spikingjellys_does():
    cases = in_framework("spikingjelly", JOB, "neurons")
    for case in cases:
        assert case["fired"] > 0.03
        assert case["answers"] < 1e-5  # spikes are 0 and 1; float32 keeps seven digits of voltages
        assert case["voltage"] < (1e-12 if case["exact"] else 1e-5)
    assert sum(case["touched"] > 0 for case in cases) >= 20  # there > and >= differ


def test_networks_that_spikingjelly_comes_with_are_captured_whole():
    for found in in_framework("spikingjelly", JOB, "supplied"):
        assert found["varied"] > 0.05
        assert found["answers"] < 1e-5


def test_trained_networks_keep_answers_accuracy_and_spikes():
    for found in in_framework("spikingjelly", JOB, "networks"):
        assert found["differing"] == 0 < found["compared"]
        assert found["accuracy_framework"] > 0.85
        assert abs(found["accuracy_program"] - found["accuracy_framework"]) <= 0.01
        assert found["lava_differing"] == 0 < found["lava_compared"]


def test_the_file_that_spikingjelly_exports_answers_the_same(tmp_path):
    found = in_framework("spikingjelly", JOB, "exchange", tmp_path / "plain.nir")
    assert found["differing"] == 0 < found["compared"]


def test_the_guide_runs_and_does_what_it_says(root):
    names = ("differing", "moved", "accuracy", "expected", "mismatches")
    found = in_framework("spikingjelly", GUIDE, root / "docs/guides/spikingjelly.md", *names)
    assert found["differing"] == found["moved"] == found["mismatches"] == 0
    assert abs(found["accuracy"] - found["expected"]) <= 0.01
    assert found["expected"] > 0.85
