"""Training by two processes under torchrun gives what one process gives."""

import csv
import json
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from ranks import train_all
from torch import nn
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from hwsim.errors import CheckError, FileError, SpikeportError, UnsupportedError
from snntrain import RULES, Checkpoint, Recipe, fit
from snntrain._distributed import ALONE, Ranks, is_first, joined, share_statistics
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
def folder(tmp_path_factory, tiny_text, wide_text):
    """A folder with a recipe for every rule."""
    folder = tmp_path_factory.mktemp("ranks")
    texts = {
        rule: DENSE.format(rule=rule, net=net, settings=SETTINGS.get(rule, ""))
        for rule, net in NETS.items()
    }
    texts |= {"clipped": tiny_text + "clip_norm = 0.5\n", "pooled": POOLED}
    texts["wide"] = wide_text + "channels_last = true\n"
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def together(folder):
    """What two processes of torchrun answer."""
    torchrun = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=2, start_method="spawn", max_restarts=0,
        rdzv_backend="c10d", rdzv_endpoint="localhost:0", run_id="test",
    )  # fmt: skip
    return elastic_launch(torchrun, train_all)(folder)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_rule_is_trained_by_two_processes_here():
    assert set(NETS) == set(RULES)


@pytest.mark.filterwarnings("ignore::snntrain._watch.SpikeportWarning")
@pytest.mark.parametrize("name", [*NETS, "clipped", "pooled", "wide"])
def test_two_processes_with_half_a_batch_each_learn_what_one_learns(
    folder, together, tmp_path, name
):
    fit(Recipe.load(folder / f"{name}.toml"), out=tmp_path)
    alone, halves = rows(tmp_path / "metrics.csv"), rows(folder / name / "metrics.csv")
    assert len(alone) == len(halves) >= 4
    for one, two in zip(alone, halves, strict=True):
        # the same float32 sums in another order
        assert float(two["loss"]) == pytest.approx(float(one["loss"]), abs=1e-6, rel=1e-6)
        assert two["training_accuracy"] == one["training_accuracy"]
    assert halves[-1]["validation_accuracy"] == alone[-1]["validation_accuracy"]
    losses = [float(table[-1]["validation_loss"]) for table in (alone, halves)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)  # summed in another order


def test_both_processes_end_with_the_same_bytes(together):
    assert together[0].hashes == together[1].hashes
    assert set(together[0].hashes) == {*NETS, "clipped", "pooled", "wide"}


def test_the_command_writes_and_prints_in_the_first_process_alone(folder, together):
    result = json.loads(together[0].printed)
    assert together[1].printed == ""
    assert result["sha256"] == together[0].hashes["clipped"]
    assert Checkpoint.load(folder / "command/checkpoint.safetensors").sha256 == result["sha256"]


def test_a_state_of_two_processes_is_not_resumed_by_one(folder, together):
    with pytest.raises(FileError, match="another recipe, start or number of processes"):
        fit(Recipe.load(folder / "clipped.toml"), out=folder / "clipped", resume=True)


def test_a_batch_that_cannot_be_shared_equally_is_refused(tiny, monkeypatch):
    pair = Ranks(0, 2, torch.device("cpu"))
    monkeypatch.setattr("snntrain._fit.joined", lambda _: nullcontext(pair))
    odd = replace(tiny, train=replace(tiny.train, batch_size=255))
    with pytest.raises(CheckError, match=r"batch_size = 255 is no multiple of 2 processes"):
        fit(odd)


def test_a_process_alone_is_the_first_whatever_a_cluster_calls_it(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert is_first()


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
