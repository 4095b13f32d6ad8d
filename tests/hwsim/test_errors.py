"""Errors that list what is wrong."""

import pytest

from hwsim.errors import CheckError, raise_all


def test_a_problem_that_is_found_twice_is_listed_once():
    with pytest.raises(CheckError, match="net: 2 problem") as caught:
        raise_all("net", ["late", "wide", "late"], hint="mend it")
    assert caught.value.problems == ("late", "wide")


def test_without_problems_there_is_no_error():
    raise_all("net", [], hint="mend it")
