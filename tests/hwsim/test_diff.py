"""Two reports compared: what is unlike first, every figure of both, and never 0 for unknown."""

import json
from dataclasses import replace

import click
import pytest
import reports
from click.testing import CliRunner
from distinct_report import BASELINE, ENERGY, MAPPING, distinct_report, layer

from hwsim._report.diff import Unlike, diff
from hwsim._report.values import UNKNOWN, Bracket, Term
from hwsim.cli import COMMANDS
from hwsim.errors import FileError

A = distinct_report()
MEANS = A.per_inference


def changed(**parts):
    return replace(A, **parts)


def figures(a, b):
    return {change.name: change for change in diff(a, b).figures}


def lines(result):
    return [" ".join(line.split()) for line in result.table().splitlines()]


def test_every_headline_figure_has_both_values_and_b_over_a():
    b = changed(
        per_inference=replace(
            MEANS, synops=450.0, energy_uj=Bracket(2.0, 3.3), latency_us=Bracket(50.0, 30.0)
        ),
        mapping=replace(MAPPING, cores=MAPPING.cores * 3),
        baseline=replace(BASELINE, ratio=6.02),
    )
    found = figures(A, b)
    assert set(MEANS.__dataclass_fields__) < found.keys()
    assert (found["synops"].a, found["synops"].b, found["synops"].ratio) == (1800.0, 450.0, 0.25)
    assert found["energy_uj"].ratio == Bracket(2.0, pytest.approx(1.5))
    assert found["latency_us"].ratio == Bracket(0.5, 0.25)
    assert (found["cores"].a, found["cores"].b, found["cores"].ratio) == (2, 6, 3.0)
    assert found["energy_over_conventional"].ratio == 2.0
    assert found["hops"].ratio == 1.0
    text = lines(diff(A, b))
    assert "synops 1,800 450 0.25" in text
    assert "energy_uj 1 to 2.20 2 to 3.30 2, 1.5" in text


def test_accuracies_differ_by_points():
    b = changed(context=replace(A.context, accuracy_program=0.96))
    assert figures(A, b)["accuracy_program"].points == pytest.approx(-1.5)
    assert figures(A, b)["synops"].points is None
    assert "accuracy_program 97.50 % 96.00 % -1.50 points" in lines(diff(A, b))


@pytest.mark.parametrize("name", ["chip", "price tables", "data", "samples", "frames", "mapped"])
def test_what_makes_a_ratio_mean_something_else_is_named_first(name):
    b = {
        "chip": changed(chip="loihi2"),
        "price tables": changed(energy=replace(ENERGY, tables=("p1",))),
        "data": changed(context=replace(A.context, split="train")),
        "samples": changed(samples=21),
        "frames": changed(per_inference=replace(MEANS, steps=7)),
        "mapped": changed(mapping=None),
    }[name]
    (unlike,) = diff(A, b).unlike
    assert unlike.what.startswith(name)
    text = diff(A, b).table()
    assert text.index(unlike.what) < text.index("accuracy_program")
    assert "Not the same" not in diff(A, A).table()


def test_another_price_of_the_same_name_is_named():
    terms = (replace(ENERGY.terms[0], price_pj=None), ENERGY.terms[1])
    b = changed(energy=replace(ENERGY, terms=terms))
    assert diff(A, b).unlike == (Unlike("price of p1 adds, pJ", "23.6", "not published"),)


def test_layers_are_matched_by_name_and_the_others_named():
    b = changed(layers=(layer("fc", spikes=10.0, cost=1.5), layer("new")))
    found = diff(A, b)
    assert (found.only_a, found.only_b) == (("conv1",), ("new",))
    (both,) = found.layers
    of = {change.name: change for change in both.figures}
    assert both.name == "fc"
    assert of["spikes"].ratio == 0.25
    assert (of["energy_uj"].a, of["energy_uj"].b) == (Bracket(0.5, 1.0), Bracket(1.5, 3.0))
    text = lines(found)
    assert "fc 40 10 0.25 900 900 1 0.500 to 1 1.50 to 3 3" in text
    assert text[text.index("Layers only in A:") + 1] == "- conv1"
    assert text[text.index("Layers only in B:") + 1] == "- new"


def test_only_energy_terms_that_differ_are_listed_and_one_that_is_missing_is_no_zero():
    more = Term("p1", "hops", 1.0, 1.0, 3.0, 7.0, 8.0, "k", "s", "")
    dearer = replace(ENERGY.terms[0], energy_uj=4.0, energy_high_uj=5.0)
    b = changed(energy=replace(ENERGY, terms=(dearer, ENERGY.terms[1], more)))
    adds, hops = diff(A, b).terms
    assert (adds.table, adds.term, adds.ratio) == ("p1", "adds", Bracket(4.0, 5.0))
    assert (hops.a, hops.b, hops.ratio) == (None, Bracket(7.0, 8.0), UNKNOWN)
    assert "p1 hops no such term 7 to 8 \N{EN DASH}" in lines(diff(A, b))


def test_terms_of_a_price_table_that_only_one_uses_are_not_compared():
    dearer = replace(ENERGY.terms[0], energy_uj=4.0)
    b = changed(energy=replace(ENERGY, tables=("p1", "q"), terms=(
        dearer, replace(ENERGY.terms[1], table="q"),
    )))  # fmt: skip
    assert [(t.table, t.term) for t in diff(A, b).terms] == [("p1", "adds")]


def test_what_is_not_known_is_never_zero_and_has_no_ratio():
    nothing = changed(
        per_inference=replace(MEANS, energy_uj=UNKNOWN, messages=None, spikes_per_synapse=None),
        context=replace(A.context, accuracy_program=None),
        mapping=None,
    )
    for a, b in ((A, nothing), (nothing, A), (nothing, nothing)):
        found = figures(a, b)
        assert found["energy_uj"].ratio == UNKNOWN
        for name in ("messages", "spikes_per_synapse", "accuracy_program", "cores"):
            assert found[name].ratio is None
        assert found["accuracy_program"].points is None
    text = lines(diff(A, nothing))
    for row in ("energy_uj 1 to 2.20 not known", "messages 106 not known", "cores 2 not known",
                "accuracy_program 97.50 % not known"):  # fmt: skip
        assert f"{row} \N{EN DASH}" in text, row


def test_a_figure_that_was_zero_has_no_ratio():
    b = changed(per_inference=replace(MEANS, spikes=0.0))
    assert figures(b, A)["spikes"].ratio is None
    assert figures(A, b)["spikes"].ratio == 0.0
    b = changed(per_inference=replace(MEANS, spikes=1e-320))
    assert figures(b, A)["spikes"].ratio is None
    assert json.loads(diff(b, A).to_json())


def test_json_has_each_figure_by_its_name_in_report_json():
    d = json.loads(diff(A, changed(layers=(layer("fc", synops=450.0),))).to_json())
    assert d["figures"]["energy_uj"]["a"] == {"low": 1.0, "high": 2.2}
    assert d["figures"]["synops"] == {"a": 1800.0, "b": 1800.0, "ratio": 1.0, "points": None}
    assert d["layers"]["fc"]["synops"]["ratio"] == 0.5
    assert d["only_a"] == ["conv1"]
    assert d["unlike"] == d["terms"] == []


def test_hostile_names_print_as_text():
    for a, b in ((reports.hostile(), A), (reports.hostile(), reports.hostile())):
        text = diff(a, b).table()
        assert {c for c in text if not c.isprintable()} == {"\n"}


def run_diff(*paths, json_too=False):
    group = click.Group(commands={c.name: c for c in COMMANDS})
    return CliRunner().invoke(group, ["diff", *map(str, paths), *["--json"] * json_too])


def test_the_command_prints_the_comparison_and_ends_well_however_they_differ(tmp_path):
    b = changed(layers=(layer("new"),), chip="other")
    A.save(tmp_path / "a.json")
    b.save(tmp_path / "b.json")
    result = run_diff(tmp_path / "a.json", tmp_path / "b.json")
    assert (result.exit_code, result.output) == (0, diff(A, b).table() + "\n")
    result = run_diff(tmp_path / "a.json", tmp_path / "b.json", json_too=True)
    assert json.loads(result.output) == json.loads(diff(A, b).to_json())


def test_both_files_that_are_no_reports_are_named_at_once(tmp_path):
    A.save(tmp_path / "a.json")
    (tmp_path / "bad.json").write_text("[]")
    for paths in (("a", "none"), ("bad", "none"), ("bad", "a")):
        result = run_diff(*(tmp_path / f"{name}.json" for name in paths))
        assert isinstance(result.exception, FileError)
        named = {name for name in ("a", "bad", "none") if f"{name}.json" in str(result.exception)}
        assert named == set(paths) - {"a"}
        assert result.exception.hint


def test_what_has_no_name_is_called_so_and_no_tables_are_none():
    nameless = changed(
        context=replace(A.context, program=None, data=None, split=None),
        energy=replace(ENERGY, tables=(), terms=()),
    )
    found = diff(nameless, nameless)
    assert (found.a, found.b, found.unlike) == ("unnamed", "unnamed", ())
    assert diff(A, nameless).unlike == (
        Unlike("price tables", "p1, p2", "none"),
        Unlike("data", "digits:test", "unnamed"),
    )
    found = diff(nameless, A)
    assert (found.a, found.b) == ("unnamed", "net")
    split = changed(context=replace(A.context, data=None))
    assert diff(A, split).unlike == (Unlike("data", "digits:test", "unnamed:test"),)
    assert diff(A, nameless).terms == ()


def test_a_term_that_only_the_first_has_is_none_in_the_second():
    b = changed(energy=replace(ENERGY, terms=ENERGY.terms[1:]))
    (gone,) = diff(A, b).terms
    assert (gone.table, gone.term, gone.a) == ("p1", "adds", Bracket(1.0, 1.0))
    assert (gone.b, gone.ratio) == (None, UNKNOWN)
    assert any(
        line.startswith("p1 adds 1") and "no such term" in line for line in lines(diff(A, b))
    )


def test_terms_keep_the_order_of_the_first_and_then_of_the_second():
    first = [Term("p2", name, 1.0, 1.0, 3.0, 1.0, 2.0, "k", "s", "") for name in "cab"]
    second = [replace(t, term=t.term * (t.term != "a") or "d", energy_uj=4.0) for t in first[::-1]]
    a, b = (changed(energy=replace(ENERGY, terms=tuple(terms))) for terms in (first, second))
    assert [t.term for t in diff(a, b).terms] == ["c", "a", "b", "d"]


def test_a_range_with_one_end_not_known_has_a_ratio_of_the_other():
    half, zero = Bracket(2.0, None), Bracket(0.0, 4.0)
    a, b, c = (
        changed(per_inference=replace(MEANS, energy_uj=end))
        for end in (half, zero, Bracket(1.0, 2.0))
    )
    assert figures(a, c)["energy_uj"].ratio == Bracket(0.5, None)
    assert figures(c, a)["energy_uj"].ratio == Bracket(2.0, None)
    assert figures(b, c)["energy_uj"].ratio == Bracket(None, 0.5)


def test_a_ratio_has_three_digits_and_both_ends_only_where_they_differ():
    b = changed(
        per_inference=replace(
            MEANS, energy_uj=Bracket(1.0004, 2.2008), synops=1800 / 7, messages=106e6
        )
    )
    text = lines(diff(A, b))
    assert any(line.startswith("energy_uj") and line.endswith(" 1") for line in text)
    assert any(line.startswith("synops") and line.endswith(" 0.143") for line in text)
    assert any(line.startswith("messages") and line.endswith(" 1e+06") for line in text)
