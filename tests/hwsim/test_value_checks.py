"""Tests of what is said of a field that no program can hold."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from hwsim._value_checks import array_problems, kind_problems, plain, tuple_problems, whole_problems

FITS = [-2, 0, 3, np.int8(-2), np.uint64(3)]


@pytest.mark.parametrize("value", FITS)
def test_both_ends_of_a_range_are_in_it(value):
    assert whole_problems("n", value, -2, 3) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-3, "n = -3 does not fit -2..3"),
        (4, "n = 4 does not fit -2..3"),
        (True, "n = True is not a whole number"),
        (1.0, "n = 1.0 is not a whole number"),
        (None, "n = None is not a whole number"),
    ],
)
def test_what_is_no_whole_number_of_the_range_is_named(value, words):
    assert whole_problems("n", value, -2, 3) == [words]


def test_a_number_without_an_upper_limit_ends_with_the_register():
    assert whole_problems("n", 2**31 - 1, 0) == []
    assert whole_problems("n", 2**31, 0) == [f"n = {2**31} does not fit 0..{2**31 - 1}"]
    assert whole_problems("n", 2**31, -(2**31)) == [f"n = {2**31} does not fit 32 bits"]


@pytest.mark.parametrize(
    ("value", "size", "found"),
    [
        ((1, 5), None, []),
        ((1, 5), 2, []),
        ((), None, ["s = () is not a tuple of 1 or more whole numbers"]),
        ([1, 5], None, ["s = [1, 5] is not a tuple of 1 or more whole numbers"]),
        ((1,), 2, ["s = (1,) is not a tuple of 2 whole numbers"]),
        ((1, 0, 2, -1), None, ["s[1] = 0 does not fit 1..2147483647",
                               "s[3] = -1 does not fit 1..2147483647"]),
    ],
)  # fmt: skip
def test_every_wrong_entry_of_a_tuple_is_named_by_its_place(value, size, found):
    assert tuple_problems("s", value, 1, size) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (np.array([[-2, 3]]), []),
        ([[1]], ["w is a list, not an array"]),
        (np.array([1, 2]), ["w has shape (2,), not (n, m)"]),
        (np.array([[1.0]]), ["ws are float64, not integers"]),
        (np.array([[1 << 80]]), ["ws are object, not integers of 32 bits"]),
        (np.array([[0, 5, -3, 4]]), ["w = 5 does not fit -2..3 (3 of 4 values)"]),
        (np.array([-3]), ["w has shape (1,), not (n, m)",
                          "w = -3 does not fit -2..3 (1 of 1 values)"]),
    ],
)  # fmt: skip
def test_an_array_is_checked_for_class_axes_type_and_range(value, found):
    assert array_problems("w", value, (-2, 3), "n, m") == found


def test_a_value_of_another_class_is_named_with_what_was_wanted():
    assert kind_problems("it", 3, (int, str), "a text") == []
    assert kind_problems("it", None, str, "a text") == ["it is a NoneType, not a text"]


@dataclass(frozen=True)
class Held:
    one: Any
    many: Any
    other: Any


def test_the_integers_of_numpy_in_fields_and_tuples_become_those_of_python():
    value = Held(np.int32(2**31 - 1), (np.int8(1), "a", 2), [np.int8(3)])
    plain(value)
    assert type(value.one) is int
    assert value.one + 1 == 2**31
    assert [type(x) for x in value.many] == [int, str, int]
    assert type(value.other[0]) is np.int8
