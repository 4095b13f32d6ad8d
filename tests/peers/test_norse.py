"""Networks of Norse 1.1.0 answer here what they answer there, and on real Lava."""

from pathlib import Path

from peers.frameworks.running import in_framework

JOB = Path(__file__).parent / "frameworks/norse_job.py"
GUIDE = JOB.with_name("guide_job.py")


def test_every_cell_fires_and_integrates_as_norses_does():
    cases = in_framework("norse", JOB, "neurons")
    for case in cases:
        assert case["fired"] > 0.03
        assert case["answers"] < 1e-5  # spikes are 0 and 1; float32 keeps seven digits of voltages
        assert case["voltage"] < (1e-12 if case["exact"] else 1e-5)
    assert sum(case["touched"] > 0 for case in cases) >= 4  # there > and >= differ


def test_trained_networks_keep_answers_accuracy_and_spikes():
    for found in in_framework("norse", JOB, "networks"):
        assert found["differing"] == 0 < found["compared"]
        assert found["accuracy_framework"] > 0.85
        assert abs(found["accuracy_program"] - found["accuracy_framework"]) <= 0.01
        assert found["lava_differing"] == 0 < found["lava_compared"]


def test_the_file_that_norse_exports_answers_the_same(tmp_path):
    found = in_framework("norse", JOB, "exchange", tmp_path / "dense.nir")
    assert found["differing"] == 0 < found["compared"]


def test_the_guide_runs_and_does_what_it_says(root):
    names = ("distance", "accuracy", "expected", "mismatches")
    found = in_framework("norse", GUIDE, root / "docs/guides/norse.md", *names)
    assert found["distance"] < 1e-5
    assert abs(found["accuracy"] - found["expected"]) <= 0.01
    assert found["expected"] > 0.85
    assert found["mismatches"] == 0
