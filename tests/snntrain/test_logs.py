"""What a training run writes about its course."""

import csv
import sys

import pytest

from hwsim.errors import FileError, MissingExtraError
from snntrain import fit, logs
from snntrain.logs import Entry


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def entry(update, **values):
    return Entry(1, update, 9, values)


def test_a_run_logs_every_update_and_at_the_end_of_an_epoch_validation_and_rates(tiny, tmp_path):
    entries = []
    checkpoint = fit(tiny, out=tmp_path, log=[entries.append])
    assert [e.update for e in entries] == list(range(1, 13))
    assert [e.epoch for e in entries] == [1] * 4 + [2] * 4 + [3] * 4
    ends = [e.update for e in entries if "validation_accuracy" in e.values]
    assert ends == [4, 8, 12]
    chosen = entries[4 * checkpoint.metrics["best_epoch"] - 1]
    assert chosen.values["validation_accuracy"] == checkpoint.metrics["validation_accuracy"]
    rows = read(tmp_path / "metrics.csv")
    assert [float(row["loss"]) for row in rows] == [e.values["loss"] for e in entries]
    assert [row["update"] for row in rows if row["rate/spike1"]] == ["4", "8", "12"]
    assert 0 < float(rows[-1]["rate/spike1"]) < 1
    assert all(float(row["seconds"]) > 0 for row in rows)
    rates = [float(row["learning_rate"]) for row in rows]
    assert max(rates) == pytest.approx(0.02, rel=0.1)
    assert rates[0] < rates[3] > rates[-1]


def test_loss_falls_and_training_accuracy_rises(tiny):
    entries = []
    fit(tiny, log=[entries.append])
    first, last = entries[0].values, entries[-1].values
    assert last["loss"] < first["loss"]
    assert last["training_accuracy"] > first["training_accuracy"]


def test_a_table_keeps_the_rows_before_the_first_update_that_is_logged_again(tmp_path):
    path = tmp_path / "metrics.csv"
    log = logs.table(path, ["spike1"])
    for update in (1, 2, 3):
        log(entry(update, loss=float(update)))
    with path.open("a") as file:
        file.write("1,1")  # killed while it wrote update 10 to 19
    log = logs.table(path, ["spike1"])
    for update in (3, 4):
        log(entry(update, loss=-float(update)))
    assert [float(row["loss"]) for row in read(path)] == [1, 2, -3, -4]


def test_a_new_run_begins_a_new_table(tmp_path):
    path = tmp_path / "metrics.csv"
    logs.table(path, [])(entry(1, loss=1.0))
    logs.table(path, [])(entry(1, loss=2.0))
    assert [float(row["loss"]) for row in read(path)] == [2.0]


def test_a_table_of_other_layers_is_not_continued(tmp_path):
    path = tmp_path / "metrics.csv"
    logs.table(path, ["a"])(entry(1, loss=1.0))
    logs.table(path, ["b"])(entry(2, loss=2.0))
    assert [row["update"] for row in read(path)] == ["2"]


@pytest.mark.parametrize("update", [1, 2])
def test_a_table_that_cannot_be_written_is_named(tmp_path, update):
    (tmp_path / "metrics.csv").mkdir()
    with pytest.raises(FileError, match=r"metrics\.csv: cannot be written"):
        logs.table(tmp_path / "metrics.csv", [])(entry(update))


def test_a_table_that_was_damaged_is_begun_anew(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"\xff\x00" + b"a" * 200_000)
    logs.table(path, [])(entry(2, loss=2.0))
    assert [row["update"] for row in read(path)] == ["2"]


def test_tensorboard_reads_back_what_was_logged(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with logs.tensorboard(tmp_path) as log:
        log(entry(1, loss=0.5))
        log(entry(2, loss=0.25))
    with logs.tensorboard(tmp_path) as log:
        log(entry(2, loss=0.125))  # resumed
    events = accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(1, 0.5), (2, 0.125)]


def test_missing_tensorboard_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with (
        pytest.raises(MissingExtraError, match=r"spikeport\[tensorboard\]"),
        logs.tensorboard(tmp_path),
    ):
        pass
