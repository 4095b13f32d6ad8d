"""The networks that are shipped: each has its recipe and its card, and the card says what is so."""

import json

import pytest

from snntrain import Checkpoint, Recipe

NAMES = ("recipe.toml", "checkpoint.safetensors", "README.md")


@pytest.fixture
def zoo(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    import zoo

    return zoo


def test_every_network_has_its_recipe_a_checkpoint_of_it_and_a_card_with_figures(root, zoo):
    folders = sorted(path for path in (root / "models").iterdir() if path.is_dir())
    assert len(folders) >= 8
    for folder in folders:
        assert [name for name in NAMES if not (folder / name).is_file()] == []
        checkpoint = Checkpoint.load(folder / "checkpoint.safetensors")
        assert checkpoint.recipe == Recipe.load(folder / "recipe.toml")
        card = (folder / "README.md").read_text()
        figures = card.partition(zoo.BEGIN)[2].partition(zoo.END)[0]
        assert f"`{zoo.ASKED.get(folder.name, zoo.Asked()).chip}`" in figures
        assert figures.count("\n| ") == 7


def test_what_is_asked_of_a_network_is_asked_of_one_that_is_there(root, zoo):
    assert all((root / "models" / name).is_dir() for name in zoo.ASKED)


def test_the_card_of_the_digits_holds_the_figures_of_the_program_as_it_is_now(root, zoo):
    rows, table = zoo.rows_of("digits-conv", None)
    assert table in (root / "models" / "digits-conv" / "README.md").read_text()
    assert {row["metric"]: row["value"] for row in rows}["steps"] == 6


def test_a_network_below_what_is_asked_or_without_its_data_is_not_ok(
    zoo, monkeypatch, tmp_path, capsys
):
    out = tmp_path / "zoo.json"
    monkeypatch.setitem(zoo.ASKED, "digits-conv", zoo.Asked(accuracy=0.999))
    arguments = ["zoo", "--root", str(tmp_path), "--only", "digits-conv,cifar10-resnet"]
    monkeypatch.setattr("sys.argv", [*arguments, "--json", str(out)])
    assert zoo.main() == 1
    rows = json.loads(out.read_text())
    assert [row["metric"] for row in rows if not row["ok"]] == [
        "accuracy",
        "not run: its files are not there",
    ]
    assert set(rows[0]) == {"name", "metric", "value", "target", "ok"}
    assert "hint: " in capsys.readouterr().err
