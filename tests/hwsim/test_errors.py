"""Errors that list what is wrong."""

import pytest

from hwsim.errors import CheckError, SpikeportError, known_hint, listed, raise_all


def test_a_problem_that_is_found_twice_is_listed_once():
    with pytest.raises(CheckError, match="net: 2 problem") as caught:
        raise_all("net", ["late", "wide", "late"], hint="mend it")
    assert caught.value.problems == ("late", "wide")


def test_without_problems_there_is_no_error():
    raise_all("net", [], hint="mend it")


def test_an_error_says_its_hint_on_a_line_of_its_own_if_it_has_one():
    assert str(SpikeportError("wide: 3", hint="use 2")) == "wide: 3\nhint: use 2"
    assert str(SpikeportError("wide: 3")) == "wide: 3"
    assert listed("net", ["late", "wide"]) == "net: 2 problem(s)\n  - late\n  - wide"


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (["loihi"], "did you mean 'loihi1'? known: akida, loihi1"),
        (["aqida", "loihy1"], "did you mean 'akida' or 'loihi1'? known: akida, loihi1"),
        (["x"], "known: akida, loihi1"),
        ([], "known: akida, loihi1"),
    ],
)
def test_a_hint_names_what_was_meant_and_all_that_is_known(wrong, hint):
    assert known_hint(iter(["akida", "loihi1"]), *wrong) == hint


def test_a_hint_about_nothing_known_says_none():
    assert known_hint([], "x") == "known: none"
