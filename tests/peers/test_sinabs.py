"""Networks of sinabs 3.1.3 answer here what they answer there, and on real Lava."""

from pathlib import Path

from peers.frameworks.running import in_framework

JOB = Path(__file__).parent / "frameworks/sinabs_job.py"


def test_every_layer_fires_and_integrates_as_that_of_sinabs_does():
    cases = in_framework("sinabs", JOB, "neurons")
    for case in cases:
        assert case["fired"] > 0 or case["layer"].startswith("ExpLeak")
        assert case["spikes"] == 0
        # of the largest voltage, in 120 steps of which each rounds
        assert case["voltage"] < (1e-12 if case["dtype"] == "torch.float64" else 1e-5)
    assert max(case["most"] for case in cases) > 10
    assert sum(case["ties"] for case in cases) > 100  # there > and >= differ


def test_trained_networks_keep_answers_accuracy_and_spikes_and_so_does_a_nir_file(tmp_path):
    found = in_framework("sinabs", JOB, "networks", tmp_path)
    for network in found["networks"]:
        assert network["differing"] == 0 < network["compared"]
        assert network["accuracy_framework"] > 0.85
        assert network["accuracy_program"] >= network["accuracy_framework"] - 0.01
        assert network["lava_differing"] == 0 < network["lava_compared"]
    assert [file["differing"] for file in found["exchange"]] == [0]


def test_the_guide_does_what_it_says(root):
    names = ("differing", "mismatches", "exchanged", "accuracy", "expected")
    job = JOB.with_name("guide_job.py")
    found = in_framework("sinabs", job, root / "docs/guides/sinabs.md", *names)
    assert [found[name] for name in names[:3]] == [0, 0, 0]
    assert found["accuracy"] >= found["expected"] - 0.02 > 0.85
