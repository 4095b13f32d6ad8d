"""Networks of snnTorch 1.0.0 answer here what they answer there, and on real Lava."""

from pathlib import Path

from peers.frameworks.running import in_framework

JOB = Path(__file__).parent / "frameworks/snntorch_job.py"


def test_every_neuron_with_every_reset_fires_and_integrates_as_snntorchs_does():
    cases = in_framework("snntorch", JOB, "neurons")
    assert len({case["layer"] for case in cases}) == 4 * 5
    for case in cases:
        assert case["fired"] > 0.1
        assert case["spikes"] == 0
        # of the largest voltage, in 120 steps of which each rounds
        assert case["voltage"] < (1e-12 if case["dtype"] == "torch.float64" else 1e-5)
    assert sum(case["ties"] for case in cases) > 100  # there > and >= differ


def test_trained_networks_keep_answers_accuracy_and_spikes_and_so_do_their_nir_files(tmp_path):
    found = in_framework("snntorch", JOB, "networks", tmp_path)
    for network in found["networks"]:
        assert network["differing"] == 0 < network["compared"]
        assert network["accuracy_framework"] > 0.85
        assert network["accuracy_program"] >= network["accuracy_framework"] - 0.01
        assert network["lava_differing"] == 0 < network["lava_compared"]
    assert [file["differing"] for file in found["exchange"]] == [0, 0]


def test_the_guide_does_what_it_says(root):
    names = ("differing", "mismatches", "exchanged", "accuracy", "expected")
    job = JOB.with_name("guide_job.py")
    found = in_framework("snntorch", job, root / "docs/guides/snntorch.md", *names)
    assert [found[name] for name in names[:3]] == [0, 0, 0]
    assert found["accuracy"] >= found["expected"] - 0.02 > 0.85
