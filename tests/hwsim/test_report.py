"""Tests of the report: its schema, its file, its terminal text, its page, its commands."""

import json
from dataclasses import replace

import click
import numpy as np
import pytest
from click.testing import CliRunner

from hwsim.chip import chip_names, load_chip
from hwsim.cli import COMMANDS
from hwsim.counts import ConnectionCounts, Counts, PopulationCounts
from hwsim.energy import Agreement, Context, Report, price
from hwsim.errors import FileError
from hwsim.neurons import Cuba
from hwsim.program import Connection, Input, Population, Program
from hwsim.reporting import Simulation, simulate_and_report
from hwsim.synapses import Dense

COUNTS = Counts(
    2,
    5,
    7,
    (
        PopulationCounts("conv<1>", 10, 40, 100, 60, 0, 0, 1, 0),
        PopulationCounts("fc", 3, 0, 30, 30, 0, 0, 3, 0),
    ),
    (
        ConnectionCounts("in", "conv<1>", True, 7, 70),
        ConnectionCounts("conv<1>", "fc", False, 40, 9),
    ),
)
SCHEMA = {
    "program": {"name", "sha256", "chip"},
    "data": {"name", "split", "samples"},
    "accuracy": {"float", "program"},
    "agreement": {"lava", "onnxruntime"},
    "per_inference": {
        "steps", "spikes", "synops", "neuron_updates", "energy_uj", "latency_us",
        "machine_steps", "input_messages", "spikes_per_synapse", "edp_uj_us", "messages", "hops",
    },
    "energy": {"tables", "terms", "missing", "covers", "notes", "by_table"},
}  # fmt: skip


def report(chip="loihi1"):
    return price(COUNTS, load_chip(chip)).with_context(
        Context(
            "net & co", "ab" * 32, "digits", "test", 0.98, 0.975, {"lava": Agreement(2, 910, 0)}
        )
    )


def run_command(*args):
    group = click.Group(commands={c.name: c for c in COMMANDS})
    return CliRunner().invoke(group, [str(a) for a in args])


def test_the_schemas_keys_are_exact():
    d = report().to_dict()
    more = {"latency", "mapping", "static", "baseline", "break_even", "over_steps", "raster"}
    assert d.keys() == {"schema", "layers", *SCHEMA, *more}
    assert d["schema"] == "spikeport.report/1"
    for name, keys in SCHEMA.items():
        assert d[name].keys() == keys, name
    assert d["agreement"] == {
        "lava": {"samples": 2, "compared": 910, "mismatches": 0}, "onnxruntime": None
    }  # fmt: skip
    assert {"name", "neurons", "spikes", "synops", "neuron_updates"} <= d["layers"][0].keys()
    assert {"table", "term", "count", "price_pj", "energy_uj", "source"} <= (
        d["energy"]["terms"][0].keys()
    )


def test_unknown_context_is_null():
    d = price(COUNTS, load_chip("loihi1")).to_dict()
    assert d["accuracy"] == {"float": None, "program": None}
    assert d["agreement"] == {"lava": None, "onnxruntime": None}
    assert d["program"] == {"name": None, "sha256": None, "chip": "loihi1"}


@pytest.mark.parametrize("chip", ["loihi1", "loihi2"])
def test_a_saved_report_is_read_back_equal(tmp_path, chip):
    report(chip).save(tmp_path / "r.json")
    assert Report.load(tmp_path / "r.json") == report(chip)


def test_more_keys_of_a_later_version_are_ignored(tmp_path):
    d = report().to_dict()
    d["new"] = 1
    d["layers"][0]["new"] = d["per_inference"]["new"] = 1
    (tmp_path / "r.json").write_text(json.dumps(d))
    assert Report.load(tmp_path / "r.json") == report()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": "other/1"}', "\xff", "3"])
def test_another_kind_of_file_is_a_file_error(tmp_path, content):
    (tmp_path / "r.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(FileError, match=r"is not a report of schema spikeport\.report/1"):
        Report.load(tmp_path / "r.json")


def test_the_terminal_text_has_the_headline_its_units_and_what_is_missing():
    text = report().table()
    for part in (
        "97.50 %", "98.00 %", "uJ", "loihi1-2018, loihi1-fitted", "static power",
        "lava: 2 samples, 910 spike values compared, 0 mismatches", "conv<1>", "7 machine steps",
    ):  # fmt: skip
        assert part in text, part
    assert "not known" in report("loihi2").table()


def test_the_page_has_the_names_and_the_sources_of_the_prices():
    page = report().html()
    for part in ("net &amp; co on loihi1", "conv&lt;1&gt;", "IEEE Micro", "SANA-FE"):
        assert part in page, part


def test_a_run_without_any_spike_renders():
    silent = replace(
        COUNTS,
        populations=tuple(replace(p, spikes=0, driven=0) for p in COUNTS.populations),
        connections=tuple(replace(c, messages=0, synops=0) for c in COUNTS.connections),
    )
    quiet = price(silent, load_chip("loihi1"))
    assert "<svg" in quiet.html()
    assert quiet.table()


def test_chips_lists_the_chips_and_prints_one():
    listed = run_command("chips")
    assert listed.exit_code == 0
    assert "loihi1" in listed.output
    assert "loihi2" in listed.output
    one = run_command("chips", "loihi1").output
    for part in ("23.6", "pre-silicon simulation", "SANA-FE", "131,072", "bytes"):
        assert part in one, part
    assert json.loads(run_command("chips", "loihi2", "--json").output)["name"] == "loihi2"
    described = json.loads(run_command("chips", "--json").output)
    assert [chip["name"] for chip in described["chips"]] == chip_names()


def test_report_prints_a_saved_report_again(tmp_path):
    report().save(tmp_path / "r.json")
    printed = run_command("report", tmp_path / "r.json", "--html", tmp_path / "r.html")
    assert printed.exit_code == 0, printed.output
    assert printed.output.strip() == report().table().strip()
    assert (tmp_path / "r.html").read_text() == report().html()
    again = run_command("report", tmp_path / "r.json", "--json")
    assert json.loads(again.output) == json.loads(report().to_json())


def test_prices_cannot_be_changed_without_the_trace(tmp_path):
    report().save(tmp_path / "r.json")
    assert run_command("report", tmp_path / "r.json", "--chip", "loihi2").exit_code == 2


def small_program():
    return Program(
        "small",
        "loihi1",
        Input("in", (2,)),
        (Population("a", (2,), Cuba.leaky(0, 64), 1),),
        (Connection("in", "a", Dense(np.array([[2, -4], [6, 8]]))),),
        "a",
        period=4,
    )


def test_report_works_on_a_program_with_its_trace(tmp_path):
    path, trace = tmp_path / "p.onnx", tmp_path / "t.npz"
    program = small_program()
    program.save(path)
    spikes = np.random.default_rng(0).integers(0, 2, (4, 3, 2))
    _, direct = simulate_and_report(program, spikes, Simulation(trace=trace))
    printed = run_command("report", path, "--trace", trace, "--prices", "loihi1-2018", "--json")
    assert printed.exit_code == 0, printed.output
    again = json.loads(printed.output)
    assert again["per_inference"]["spikes"] == direct.per_inference.spikes
    assert again["energy"]["tables"] == ["loihi1-2018"]
    assert len(again["program"]["sha256"]) == 64
