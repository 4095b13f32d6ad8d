"""The report in a terminal: every value is there, aligned, and no name is obeyed."""

import unicodedata
from dataclasses import fields, is_dataclass, replace

import pytest
import reports
from distinct_report import distinct_report, layer

from hwsim._report.figures import cost, number
from hwsim._report.table import chip_text
from hwsim._report.values import UNKNOWN, Bracket, StaticPower
from hwsim.chip import Price, chip_names, load_chip

DASH = "\N{EN DASH}"


def narrow(report, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    return report.table()


def test_every_value_of_a_report_is_shown_with_its_neighbours(monkeypatch):
    text = narrow(distinct_report(), monkeypatch)
    rows = [" ".join(line.split()).replace(DASH, "-") for line in text.splitlines()]
    for row in (
        "energy 1 to 2.20 uJ (price tables: p1, p2)",
        "energy, p2 1.10 to 2.20 uJ",
        "energy x latency 101 to 264 uJ us",
        "synaptic operations 1,800 (0.610 per synapse)",
        "messages 106 to cores, 118 hops",
        "cores 2 of 512 on 1 chip",
        "conventional network 0.0111 uJ, this one 0.0333 uJ (ratio 3.01, prices cmos45)",
        "static power 29 to 178 mW, 2.90 to 21.4 uJ over the latency; in no other figure",
        "break-even, Davidson 2021 pays",
        "conv1 64 40 0.104 900 384 2 53 59 0.500 to 1",
        "conv1 889 301 71 12 3 5 17 19 869 31",
        "p2 adds 1,801 to 3,602 24.7 1.10 to 2.20",
        "p1 100 to 110 81 to 82 9.10 to 9.20 7.70 15.1 to 15.2 4",
        "- p1: conv1 75.0 %, fc 25.0 %",
        "neurons 76 2,048 3.7 % 66 1,024 conv1 0:1,2:3",
        "output axons 7 - - 7 - conv1 0:1,2:3",
        "- a note of the baseline",
        "- Davidson 2021: it is below [10.3389/x]",
        "2 41.20 % 600 26 20",
        "6 unknown 1,802 82 20",
        "- a note of the chip",
    ):
        assert row in rows, row
    unfolded = " ".join(rows)
    for part in (
        "141 hops if placed row by row",
        "280,000 multiply-accumulates, 47,000 of them with an activation that is not 0",
        "83.20 % are skipped (over 14 samples)",
    ):
        assert part in unfolded, part


def test_no_line_is_wider_than_a_hundred_characters_and_numbers_are_whole(monkeypatch):
    for report in (distinct_report(), reports.full(), reports.bare(), reports.unpriced()):
        assert max(map(len, narrow(report, monkeypatch).splitlines())) <= 100
    text = narrow(reports.large(), monkeypatch)
    synops = f"{reports.large().per_inference.synops:,.0f}"
    assert synops in text
    assert "…" not in text


def test_a_table_gets_wider_before_a_number_is_cut(monkeypatch):
    huge = replace(layer("conv1"), synops=2.5e14, neurons=123456789012, saturations=10**14)
    huge = replace(huge, synops_by_kind=dict.fromkeys("abcdefgh", 1e14))
    text = narrow(replace(distinct_report(), layers=(huge,)), monkeypatch)
    assert "250,000,000,000,000" in text
    assert text.count("100,000,000,000,000") == 9
    assert "123,456,789,012" in text


def test_columns_of_numbers_end_at_the_same_place(monkeypatch):
    report = replace(distinct_report(), layers=(layer("a"), layer("b", synops=1234567.0)))
    lines = narrow(report, monkeypatch).splitlines()
    first, second = (next(i for i in lines if i.startswith(f" {n} ") and "384" in i) for n in "ab")
    assert len(first) == len(second)


def test_the_latency_is_said_to_be_of_one_core_only_without_a_mapping(monkeypatch):
    mapped = distinct_report()
    assert "one core" not in narrow(mapped, monkeypatch)
    assert "slowest core" in narrow(mapped, monkeypatch)
    plain = replace(mapped, latency=(), mapping=None)
    assert "(from barriers only to all work on one core)" in narrow(plain, monkeypatch)
    means = replace(mapped.per_inference, latency_us=Bracket(None, None))
    assert "one core" not in narrow(replace(plain, per_inference=means), monkeypatch)


def test_what_an_older_file_did_not_count_is_not_shown_as_zero(monkeypatch):
    old = replace(layer("conv1"), synops_by_kind={}, idle=0.0, zero=0.0, nonzero_synops=0.0)
    old = replace(old, cores=None)
    text = narrow(replace(distinct_report(), layers=(old,), mapping=None), monkeypatch)
    assert "idle" not in text
    assert "nonzero" not in text
    assert "384" in text
    assert "900" in text


def test_static_power_spans_its_sources_and_has_no_energy_without_a_latency(monkeypatch):
    two = (
        StaticPower(Bracket(29.0, 178.0), Bracket(2.9, 21.4), "boards"),
        StaticPower(Bracket(4.0, 150.0), Bracket(5.0, 30.0), "a board"),
    )
    text = narrow(replace(distinct_report(), static=two), monkeypatch)
    assert "4 to 178 mW, 2.90 to 30 uJ over the latency" in text
    two = (two[0], replace(two[1], energy_uj=UNKNOWN))
    text = narrow(replace(distinct_report(), static=two), monkeypatch)
    assert "4 to 178 mW, not known over the latency" in text
    assert "static power " not in narrow(replace(distinct_report(), static=()), monkeypatch)


def test_of_many_slowest_populations_four_are_named(monkeypatch):
    shares = {"quiet": 0.0, "a": 0.1, "b": 0.4, "c": 0.3, "d": 0.15, "e": 0.04, "f": 0.01}
    (latency,) = distinct_report().latency
    report = replace(distinct_report(), latency=(replace(latency, slowest=shares),))
    assert "p1: b 40.0 %, c 30.0 %, d 15.0 %, a 10.0 % and 2 more\n" in narrow(report, monkeypatch)


def test_the_name_of_a_price_table_stays_whole_beside_wide_numbers(monkeypatch):
    (latency,) = distinct_report().latency
    times = Bracket(12345.6, 23456.7)
    wide = replace(latency, table="loihi2-derived", low_us=12345.6, high_us=23456.7, cores_us=times,
                   barrier_us=times, slowest_step_us=times)  # fmt: skip
    assert " loihi2-derived  " in narrow(replace(distinct_report(), latency=(wide,)), monkeypatch)


def test_a_layer_has_no_energy_where_the_report_has_none(monkeypatch):
    report = distinct_report()
    means = replace(report.per_inference, energy_uj=Bracket(None, None))
    text = narrow(replace(report, per_inference=means), monkeypatch)
    assert "0.500 to 1" not in text
    assert "not known" in text


@pytest.mark.parametrize("name", reports.HOSTILE)
def test_no_name_of_a_file_reaches_the_terminal_as_more_than_text(name, monkeypatch):
    report = replace(distinct_report(), layers=(layer(name),), chip=name)
    report = replace(report, context=replace(report.context, program=name, data=name))
    for text in (narrow(report, monkeypatch), narrow(reports.hostile(), monkeypatch)):
        assert {unicodedata.category(c) for c in text} - {"Lo"} <= {
            "Ll", "Lu", "Nd", "Pc", "Pd", "Pe", "Po", "Ps", "Sc", "Sk", "Sm", "So", "Zs", "Cc",
        }  # fmt: skip
        assert {c for c in text if not c.isprintable()} == {"\n"}


def test_rich_markup_and_emoji_codes_in_names_are_left_as_they_are(monkeypatch):
    text = narrow(replace(distinct_report(), layers=(layer("[bold]a[/bold] :car:"),)), monkeypatch)
    assert "[bold]a[/bold] :car:" in text


def leaves(value):
    """Every text and number of a chip but the keys of its prices, whose labels are shown."""
    if is_dataclass(value):
        skipped = {"name"} if isinstance(value, Price) else set()
        kept = (getattr(value, f.name) for f in fields(value) if f.name not in skipped)
        return [leaf for part in kept for leaf in leaves(part)]
    if isinstance(value, dict):
        return [leaf for key, part in value.items() for leaf in (key, *leaves(part))]
    if isinstance(value, tuple):
        return [leaf for part in value for leaf in leaves(part)]
    return [] if isinstance(value, bool) or value is None else [value]


@pytest.mark.parametrize("name", chip_names())
def test_a_chip_is_printed_with_everything_that_its_file_has(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20000")  # nothing is folded
    chip = load_chip(name)
    text = chip_text(chip)
    for leaf in leaves(chip):
        ways = {str(leaf)} if isinstance(leaf, str) else {str(leaf), cost(leaf), number(leaf)}
        assert any(way in text for way in ways), leaf


def test_a_chip_that_repeats_graded_input_as_spikes_says_so(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20000")
    assert "graded input as that many unit spikes" in chip_text(load_chip("loihi1"))
    assert "unit spikes" not in chip_text(load_chip("loihi2"))


def test_a_chip_with_hostile_texts_prints_as_text():
    chip = load_chip("loihi1")
    figure = replace(chip.limits[0], source="\x1b[2J[red]")
    text = chip_text(replace(chip, name="\x1b[2J", limits=(figure,), notes=("a\nb\x07",)))
    assert {c for c in text if not c.isprintable()} == {"\n"}
    assert r"\x1b[2J[red]" in text
