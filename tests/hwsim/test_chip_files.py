"""Tests of reading chip files: a user's own, and everything that can be wrong in one."""

import pytest

from hwsim._chip_values import COUNTERS_ABOVE
from hwsim.chip import load_chip
from hwsim.errors import CheckError, FileError, SpikeportError

MINIMAL = """
[chip]
name = "mine"
description = "a chip"
[messages]
bits = 8
repeated_input = false
source = "s"
[weights]
bits = 8
low = -256
high = 255
exponent_low = -8
exponent_high = 7
source = "s"
[bias]
mantissa_bits = 13
exponent_bits = 3
source = "s"
[registers.Sigma]
[prices.p]
description = "d"
kind = "k"
voltage = "1 V"
node = "n"
source = "s"
[prices.p.terms.t]
label = "t"
counter = "updates"
energy_pj = 1
"""


def test_a_chip_file_of_the_users_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL)
    chip = load_chip(path)
    assert chip.table("p").terms[0].energy_pj == 1
    with pytest.raises(SpikeportError, match="no price table 'q'"):
        chip.table("q")


@pytest.mark.parametrize(
    ("counter", "high"), [(low, high) for low, above in COUNTERS_ABOVE.items() for high in above]
)
def test_a_count_may_be_bracketed_by_one_that_is_never_less(tmp_path, counter, high):
    path = tmp_path / "mine.toml"
    group = "transport" if "messages" in counter else "terms"
    bounded = f'counter = "{counter}"\ncounter_high = "{high}"'
    text = MINIMAL.replace('counter = "updates"', bounded).replace("p.terms.t", f"p.{group}.t")
    path.write_text(text)
    (price,) = getattr(load_chip(path).table("p"), group)
    assert (price.counter, price.counter_high) == (counter, high)
    path.write_text(text.replace(bounded, f'counter = "{high}"\ncounter_high = "{counter}"'))
    with pytest.raises(CheckError, match=f"'{counter}' may be less than '{high}'"):
        load_chip(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[chip]", "[chip", "is not valid TOML"),
        ("low = -256", 'low = "a"', r"\[weights\]: low = 'a' is not int"),
        ('counter = "updates"', 'counter = "x"', r"\[prices.p.terms.t\]: no counter 'x'"),
        ("energy_pj = 1", "energy_nj = 1", "unknown 'energy_nj'"),
        ('source = "s"\n[weights]', "[weights]", r"\[messages\]: needs source"),
        ("[prices.p]", "prices = 3\n[x]", "mine.toml"),
        ("[messages]", "[registers]\nCuba = 3\n[messages]", "Cuba"),
        ("[messages]", "[registers.Cuba]\nbias = 3\n[messages]", "registers.Cuba.bias"),
        (
            "[messages]",
            "[registers.Delta.threshold]\nlow = 0\nhigh = 1\nsource = 3\n[messages]",
            "source = 3 is not str",
        ),
        ("[messages]", "[limits]\ncores = 3\n[messages]", "cores"),
        ('description = "a chip"', 'description = "a chip"\nnotes = 3', "notes"),
    ],
)
def test_a_malformed_chip_file_is_an_error_that_names_the_place(tmp_path, old, new, message):
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL.replace(old, new, 1))
    with pytest.raises(FileError if old == "[chip]" else CheckError, match=message):
        load_chip(path)


def test_a_missing_chip_file_is_a_file_error(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        load_chip(tmp_path / "none.toml")


WRONG = """
[chip]
name = "mine"
description = "a chip"
color = "red"
[limits.cores]
value = 3
unit = ""
source = "s"
[prices.p]
description = "d"
kind = "k"
voltage = "1 V"
node = "n"
source = "s"
barrier_low_ns = -5
barrier_by_tiles = [[2, 5], [1, 7]]
[prices.early]
description = "d"
kind = "k"
voltage = "1 V"
node = "n"
source = "s"
barrier_low_ns = 300
barrier_high_ns = 200
[prices.early.terms.backwards]
label = "l"
counter = "updates"
counter_high = "driven"
energy_pj = 1
[prices.tiles]
description = "d"
kind = "k"
voltage = "1 V"
node = "n"
source = "s"
barrier_by_tiles = [[1, 5]]
[static.backwards]
low_mw = 5
high_mw = 4
source = "s"
[static.negative]
low_mw = -1
high_mw = 4
source = "s"
[static.half]
low_mw = 1
[prices.p.terms.negative]
label = "l"
counter = "updates"
energy_pj = -1
[prices.p.terms.unitless]
label = "l"
counter = "spikes"
energy = 2
[prices.p.terms.text]
label = "l"
counter = "spikes"
energy_pj = "3 pJ"
[prices.p.terms.endless]
label = "l"
counter = "spikes"
time_ns = nan
[prices.p.terms.nothing]
label = "l"
counter = "spikes"
[prices.p.terms.counter]
label = "l"
counter = "int8_adds"
includes = ["all"]
energy_pj = 1
[prices.p.transport.hop]
label = "l"
counter = "spikes"
energy_pj = 1
[prices.p.transport.way]
label = "l"
energy_pj = 1
[prices.p.baseline.mac]
label = "l"
counter = "macs"
energy_pj = 1
[prices.q]
description = "d"
kind = "k"
node = "n"
source = "s"
[prices.q.terms.t]
label = "l"
counter = "updates"
energy_pj = 1
"""
PROBLEMS = [
    "[limits.cores]: unit is empty",
    "[static.half]: needs high_mw (float)",
    "[static.half]: needs source (str)",
    "[static.backwards]: low_mw = 5 is above high_mw = 4",
    "[static.negative]: low_mw = -1 is negative",
    "[prices.p.terms.unitless]: unknown 'energy'",
    "[prices.p.terms.text]: energy_pj = '3 pJ' is not float | None",
    "[prices.p.terms.endless]: time_ns = nan is not float | None",
    "[prices.p.transport.way]: needs counter (str)",
    "[prices.p.terms.negative]: energy_pj = -1 is negative",
    "[prices.p.terms.nothing]: needs energy_pj or time_ns",
    "[prices.p.terms.counter]: no counter 'int8_adds'",
    "[prices.p.terms.counter]: no counter 'all'",
    "[prices.p.transport.hop]: no counter 'spikes'",
    "[prices.p.baseline.mac]: no counter 'macs'",
    "[prices.p]: barrier_by_tiles = [[2, 5], [1, 7]] is not a list of [tiles, ns], tiles from 1 up "
    "and ascending, no time negative",
    "[prices.p]: barrier_low_ns = -5 is negative",
    "[prices.p]: needs both barrier_low_ns and barrier_high_ns",
    "[prices.early.terms.backwards]: counter_high = 'driven' may be less than 'updates' (never "
    "less: none)",
    "[prices.early]: barrier_low_ns = 300 is above barrier_high_ns = 200",
    "[prices.tiles]: needs both barrier_low_ns and barrier_high_ns",
    "[prices.q]: needs voltage (str)",
    "[chip]: unknown 'color'",
]


def test_every_problem_of_a_price_file_is_listed_once_and_all_at_once(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(WRONG)
    with pytest.raises(CheckError, match=rf"mine\.toml: {len(PROBLEMS)} problem") as raised:
        load_chip(path)
    assert len(raised.value.problems) == len(PROBLEMS)
    for found, expected in zip(raised.value.problems, PROBLEMS, strict=True):
        assert found.startswith(expected)
