"""What a run costs, as a user meets it: budgets, two designs compared, cores that do not suffice.

Wrong input of each is one error that lists everything.
"""

import json
import re
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from command import call, refused
from mappings import chain
from strategies import small_program

from hwsim import Dense

DATA = ("--data", "digits:test", "--samples", 4)


@pytest.fixture(scope="module")
def written(exported, tmp_path_factory):
    """The report of four digits on loihi1, and on loihi2."""
    folder = tmp_path_factory.mktemp("reports")
    for chip in ("loihi1", "loihi2"):
        command = ("simulate", exported / "program.onnx", *DATA, "--chip", chip)
        result = call(*command, "--report", folder / f"{chip}.json")
        assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def traced(exported, tmp_path_factory):
    """The trace of one digit."""
    path = tmp_path_factory.mktemp("trace") / "t.npz"
    command = ("simulate", exported / "program.onnx", "--data", "digits:test", "--samples", 1)
    assert call(*command, "--trace", path).exit_code == 0
    return path


def synops(folder):
    return json.loads((folder / "loihi1.json").read_text())["per_inference"]["synops"]


def test_a_run_within_its_budget_ends_well(exported, written):
    command = ("simulate", exported / "program.onnx", *DATA, "--budget")
    result = call(*command, f"synops={synops(written)!r},energy_uj=1e6", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["per_inference"]["synops"] == synops(written)


def test_a_run_above_its_budget_prints_and_writes_everything_before_it_fails(exported, tmp_path):
    paths = [tmp_path / name for name in ("t.npz", "r.json", "r.html")]
    flags = zip(("--trace", "--report", "--html"), paths, strict=True)
    options = [part for pair in flags for part in pair]
    command = ("simulate", exported / "program.onnx", *DATA, *options, "--json")
    result = call(*command, "--budget", "synops=1,spikes=2,energy_uj=1e9")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == json.loads(paths[1].read_text())
    assert all(path.stat().st_size for path in paths)
    assert result.stderr.count("error:") == 1
    assert "2 problem(s)" in result.stderr
    assert "synops = " in result.stderr
    assert "spikes = " in result.stderr
    assert "energy_uj" not in result.stderr


def test_a_saved_report_is_held_to_a_budget_too(written):
    result = call("report", written / "loihi1.json", "--budget", "synops=1")
    assert result.exit_code == 1
    assert "synaptic operations" in result.stdout
    assert "synops = " in result.stderr
    assert call("report", written / "loihi1.json", "--budget", "synops=1e9").exit_code == 0


def test_a_figure_without_a_price_cannot_be_guarded(written):
    result = call("report", written / "loihi2.json", "--budget", "energy_uj=1e9")
    assert result.exit_code == 1
    assert "energy_uj is not known and cannot be guarded: the energy covers nothing" in (
        result.stderr
    )


@pytest.mark.parametrize("command", ["simulate", "report"])
def test_what_is_no_budget_is_a_usage_error_before_anything_runs(
    command, exported, written, tmp_path
):
    trace = tmp_path / "t.npz"
    options = {"simulate": (exported / "program.onnx", *DATA, "--trace", trace),
               "report": (written / "loihi1.json",)}[command]  # fmt: skip
    result = call(command, *options, "--budget", "energy=1,synops=-2,,hops=nan,spikes=1,spikes=x")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert not trace.exists()
    for part in ("6 problem(s)", "'energy'", "'-2'", "empty", "'nan'", "twice", "'x'", "energy_uj"):
        assert part in result.stderr, part


def test_diff_names_another_chip_before_any_ratio(written):
    result = call("diff", written / "loihi1.json", written / "loihi2.json")
    assert result.exit_code == 0, result.output
    assert result.stdout.index("chip ") < result.stdout.index("figure")
    assert "spike1" in result.stdout
    facts = json.loads(
        call("diff", written / "loihi1.json", written / "loihi2.json", "--json").stdout
    )
    assert facts["unlike"][0] == {"what": "chip", "a": "loihi1", "b": "loihi2"}
    assert facts["figures"]["synops"]["ratio"] == 1.0
    assert facts["figures"]["energy_uj"]["b"] == {"low": None, "high": None}


def test_two_files_that_are_no_reports_are_one_error_that_names_both(written, exported, tmp_path):
    refused(
        call("diff", tmp_path / "none.json", exported / "program.onnx"),
        "none.json: no such file",
        "program.onnx: is not a report",
    )
    refused(call("diff", written / "loihi1.json", tmp_path), "Is a directory")


@pytest.mark.parametrize("chip", ["loihi1", "loihi2"])
def test_check_says_how_many_cores_a_program_and_its_checkpoint_take(chip, exported, checkpoint):
    found = []
    for file in (exported / "program.onnx", checkpoint):
        result = call("check", file, "--chip", chip, "--json")
        assert result.exit_code == 0, result.output
        facts = json.loads(result.stdout)
        mapping = facts["mapping"]
        assert facts["problems"] == []
        assert f"{mapping['cores']} cores of {mapping['chips']} chip(s)" in result.stderr
        assert "mapping it" not in result.stderr, "for it is small"
        assert mapping["used"]["neurons"] == 1674
        assert mapping["used"].keys() == mapping["limits"].keys()
        found.append(mapping["cores"])
    assert chip == "loihi2" or found[0] == found[1], "both are cut by the same weights"


def test_check_lists_what_a_core_lacks_after_the_registers(tmp_path):
    program = chain((600_000,), 3)
    (connection,) = program.connections
    odd = replace(connection, synapse=Dense(connection.synapse.weights + 257))
    path = tmp_path / "p.onnx"
    replace(program, connections=(odd,)).save(path)
    result = call("check", path, "--chip", "loihi1")
    assert result.exit_code == 1
    assert f"{path}: mapping it" in result.stderr, "for it is large"
    lines = result.stdout.splitlines()
    kinds = ["weight = " in line for line in lines]
    assert kinds == sorted(kinds, reverse=True), "registers first"
    assert any("one neuron needs" in line and "synapse bits" in line for line in lines)
    assert any("input axons" in line for line in lines)
    assert all(";" in line for line in lines), "each with its way out"
    facts = json.loads(call("check", path, "--chip", "loihi1", "--json").stdout)
    assert (facts["problems"], facts["mapping"]) == (lines, None)


def test_a_hostile_name_reaches_the_terminal_as_text(rng, tmp_path):
    p = small_program(rng)
    c = p.connections[0]
    name = "\x1b[31m[bold]a[/bold]\x07"
    first = replace(p.populations[0], name=name, latency=9)
    connections = (replace(c, target=name), *(
        replace(one, source=name if one.source == c.target else one.source)
        for one in p.connections[1:]
    ))  # fmt: skip
    path = tmp_path / "p.onnx"
    replace(p, populations=(first, *p.populations[1:]), connections=connections).save(path)
    result = call("check", path, "--chip", "loihi1")
    assert r"\x1b[31m[bold]a[/bold]\x07" in result.stdout
    assert {char for char in result.stdout if not char.isprintable()} == {"\n"}


def test_check_finds_what_a_core_lacks_for_a_checkpoint(checkpoint, tmp_path):
    text = files("hwsim").joinpath("chips/loihi1.toml").read_text()
    narrow = re.sub(r"(\[limits\.input_axons_per_core\]\s+value = )\S+", r"\g<1>2", text)
    assert narrow != text
    (tmp_path / "narrow.toml").write_text(narrow)
    result = call("check", checkpoint, "--chip", tmp_path / "narrow.toml")
    assert result.exit_code == 1
    assert "input axons, a core has 2; use fewer inputs" in result.stdout
    assert len(result.stdout.splitlines()) > 1, "of every layer"


CHIPS = {
    "unknown": (None, ["there is no chip"]),
    "": (None, ["there is no chip ''"]),
    "missing.toml": (None, ["missing.toml: no such file"]),
    "broken.toml": ("[chip", ["broken.toml: is not valid TOML"]),
    "text.toml": ("\xff\xfe", ["text.toml: is not a text file"]),
    "odd.toml": (
        '[chip]\nname = "x"\n[limits.a]\nvalue = 3\n[mesh]\ncolumns = -1\n[cake]\n[static.s]\n',
        ["needs description", "[limits.a]: needs unit", "[limits.a]: needs source",
         "[mesh]: needs rows", "unknown 'cake'", "[static.s]: needs low_mw"],
    ),
    "prices.toml": (
        '[chip]\nname = "x"\ndescription = "d"\n'
        '[prices.p]\ndescription = "d"\nkind = "k"\nvoltage = "1 V"\nnode = "n"\nsource = "s"\n'
        '[prices.p.terms.a]\nlabel = "l"\ncounter = "updates"\nenergy_pj = -1\n'
        '[prices.p.terms.b]\nlabel = "l"\ncounter = "spikes"\nenergy = 1\n'
        '[prices.p.terms.c]\nlabel = "l"\ncounter = "spikes"\nenergy_pj = "23 pJ"\n'
        '[prices.p.terms.d]\nlabel = "l"\ncounter = "cakes"\nenergy_pj = nan\n',
        ["4 problem(s)", "energy_pj = -1 is negative", "unknown 'energy'", "'23 pJ' is not",
         "energy_pj = nan"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHIPS)
def test_a_wrong_chip_is_the_same_error_of_every_command(
    name, exported, checkpoint, traced, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    content, parts = CHIPS[name]
    if content is not None:
        (tmp_path / name).write_bytes(content.encode("latin-1"))
    program, out = exported / "program.onnx", tmp_path / "out"
    commands = [
        ("chips", name),
        ("simulate", program, *DATA, "--chip", name, "--report", out),
        ("report", program, "--trace", traced, "--chip", name),
        ("check", program, "--chip", name),
        ("check", checkpoint, "--chip", name),
        ("export", checkpoint, "-o", out, "--chip", name),
    ]
    results = [call(*command) for command in commands]
    for result in results:
        refused(result, *parts)
    assert len({result.stderr for result in results}) == 1
    assert not out.exists()


@pytest.mark.parametrize("given", ["", " ", ","])
def test_price_tables_that_are_none_are_refused(tmp_path, given):
    program, spikes = tmp_path / "p.onnx", tmp_path / "s.npy"
    chain((4,), 3).save(program)
    np.save(spikes, np.ones((2, 1, 4), np.int8))
    assert call("simulate", program, "--spikes", spikes).exit_code == 0
    done = call("simulate", program, "--spikes", spikes, "--prices", given)
    assert done.exit_code == 2
    assert "names nothing" in done.stderr


def test_what_a_name_in_an_error_could_do_to_the_terminal_is_shown_instead():
    done = call("report", "\x1b[31mred\u202e\r.json")
    assert done.exit_code == 1
    assert not {"\x1b", "\u202e", "\r"} & set(done.stderr)
    assert "red" in done.stderr
