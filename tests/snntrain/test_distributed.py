"""Training by two processes under torchrun gives what one process gives."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from hwsim.errors import SpikeportError, UnsupportedError
from snntrain import RULES, Recipe, fit
from snntrain._distributed import ALONE, Ranks, joined, share_statistics
from snntrain.recipe import Device

DENSE = """
[data]
name = "digits"
samples = 256

[net]
kind = "dense"
input_shape = [1, 8, 8]
classes = 10
hidden = [12]
decay_u = 1.0
decay_v = 0.1
initial = 0.3
{net}

[rule]
name = "{rule}"
{settings}

[train]
steps = 6
epochs = 1
batch_size = 64
learning_rate = 0.01
"""
SETTINGS = {"soft-lif": "noise = 0.0"}  # each process draws its own
NETS = {
    "surrogate": "norm = true",
    "membrane": 'reset = "subtract"',
    "neighborhood": "norm = true",
    "soft-lif": "norm = true\nrefractory = 1",
    "spike-train": "",
}
POOLED = """
[data]
name = "digits"
samples = 256

[net]
kind = "pooled"
input_shape = [1, 8, 8]
classes = 10
channels = [3, 4]
decay_v = 0.5
dropout = 0.0

[train]
steps = 3
epochs = 1
batch_size = 64
learning_rate = 0.01
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_text):
    """A folder with a recipe for every rule, trained by two processes."""
    folder = tmp_path_factory.mktemp("ranks")
    texts = {
        rule: DENSE.format(rule=rule, net=net, settings=SETTINGS.get(rule, ""))
        for rule, net in NETS.items()
    }
    texts |= {"clipped": tiny_text + "clip_norm = 0.5\n", "pooled": POOLED}
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    script = Path(__file__).with_name("train_ranks.py")
    recipes = sorted(folder.glob("*.toml"))
    done = subprocess.run(
        [*torchrun, script, *recipes], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_rule_is_trained_by_two_processes_here():
    assert set(NETS) == set(RULES)


@pytest.mark.filterwarnings("ignore::snntrain._watch.SpikeportWarning")
@pytest.mark.parametrize("name", [*NETS, "clipped", "pooled"])
def test_two_processes_with_half_a_batch_each_learn_what_one_learns(folder, tmp_path, name):
    fit(Recipe.load(folder / f"{name}.toml"), out=tmp_path)
    alone, together = rows(tmp_path / "metrics.csv"), rows(folder / name / "metrics.csv")
    assert len(alone) == len(together) >= 4
    for one, two in zip(alone, together, strict=True):
        # the same float32 sums in another order
        assert float(two["loss"]) == pytest.approx(float(one["loss"]), abs=1e-6, rel=1e-6)
        assert two["training_accuracy"] == one["training_accuracy"]
    assert together[-1]["validation_accuracy"] == alone[-1]["validation_accuracy"]


@pytest.mark.parametrize("name", [*NETS, "clipped", "pooled"])
def test_both_processes_end_with_the_same_bytes(folder, name):
    first, second = ((folder / name / f"{rank}.sha256").read_text() for rank in (0, 1))
    assert first == second


def test_shares_are_disjoint_equal_and_everything():
    parts = [Ranks(rank, 3, torch.device("cpu")).share(12) for rank in range(3)]
    assert [list(range(12))[part] for part in parts] == [
        [0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]
    ]  # fmt: skip
    uneven = [Ranks(rank, 3, torch.device("cpu")).share(10) for rank in range(3)]
    assert [number for part in uneven for number in range(10)[part]] == list(range(10))


def test_a_missing_device_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SpikeportError, match="device = 'cuda': torch finds no such device"):
        joined(Device.CUDA).__enter__()


def test_alone_nothing_of_a_network_is_replaced():
    module = nn.Sequential(nn.BatchNorm1d(3))
    share_statistics(module, ALONE)
    assert "forward" not in vars(module[0])


def test_a_norm_whose_statistics_cannot_be_shared_is_named():
    module = nn.Sequential(nn.BatchNorm1d(3, affine=False))
    with pytest.raises(UnsupportedError, match="0: this BatchNorm1d cannot be trained by several"):
        share_statistics(module, Ranks(0, 2, torch.device("cpu")))
