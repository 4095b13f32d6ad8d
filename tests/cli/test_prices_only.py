"""Chips that only price, as a user meets them: what prices on them, what refuses them."""

import json

import pytest
from command import call, refused

DATA = ("--data", "digits:test", "--samples", 4)


def test_a_program_of_loihi1_is_priced_on_truenorth_and_the_report_says_so(exported, tmp_path):
    program, trace = exported / "program.onnx", tmp_path / "t.npz"
    result = call("simulate", program, *DATA, "--chip", "truenorth", "--trace", trace, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    energy = report["per_inference"]["energy_uj"]
    assert energy["high"] > 10 * energy["low"] > 0, "from 2.5 pJ for a spike to 26 k for a message"
    assert any("made for loihi1" in note for note in report["energy"]["notes"])
    again = call("report", program, "--trace", trace, "--chip", "truenorth", "--json")
    assert json.loads(again.stdout)["per_inference"] == report["per_inference"]


@pytest.mark.parametrize("chip", ["akida", "odin", "cmos45"])
def test_a_figure_that_cannot_be_given_is_null_and_its_gap_is_named(exported, chip):
    result = call("simulate", exported / "program.onnx", *DATA, "--chip", chip, "--json")
    report = json.loads(result.stdout)
    assert report["per_inference"]["energy_uj"] == {"low": None, "high": None}
    assert report["energy"]["missing"]
    assert report["energy"]["covers"].startswith("nothing")


@pytest.mark.parametrize("command", ["check", "export"])
def test_no_program_is_made_for_or_checked_against_such_a_chip(
    checkpoint, exported, tmp_path, command
):
    if command == "check":
        result = call("check", exported / "program.onnx", "--chip", "odin")
    else:
        result = call("export", checkpoint, "-o", tmp_path / "out", "--chip", "odin")
    refused(result, "chip odin has prices only", "--chip odin")
    assert not (tmp_path / "out").exists()


def test_a_malformed_price_file_is_one_error_that_lists_all(exported, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        '[chip]\nname = "mine"\ndescription = "d"\n'
        '[prices.p]\ndescription = "d"\nkind = "k"\nvoltage = "1 V"\nnode = "n"\nsource = "s"\n'
        '[prices.p.terms.a]\nlabel = "l"\ncounter = "updates"\nenergy_pj = -1\n'
        '[prices.p.terms.b]\nlabel = "l"\ncounter = "spikes"\nenergy = 1\n'
    )
    result = call("simulate", exported / "program.onnx", *DATA, "--chip", path)
    refused(result, "2 problem(s)", "energy_pj = -1", "unknown 'energy'")
