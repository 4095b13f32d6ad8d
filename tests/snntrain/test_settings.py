"""Settings read from plain tables: what fits, and the list of what does not."""

from dataclasses import dataclass
from enum import Enum

import pytest

from snntrain.settings import read, setting


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Settings:
    share: float = setting(0, 1)
    count: int = setting(1, 4, default=2)
    sizes: tuple[int, ...] = setting(1, 9, default=(3,))
    name: str = "plain"
    fast: bool = False
    colour: Colour = Colour.RED

    def problems(self) -> list[str]:
        return ["count is odd"] * (self.count % 2)


def test_what_is_left_out_has_its_default_and_whole_numbers_become_reals():
    found, problems = read(Settings, {"share": 1}, "net")
    assert (found, problems) == (Settings(1.0), [])
    assert type(found.share) is float


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("share", 0, 0.0), ("count", 4, 4), ("sizes", [1, 9], (1, 9)), ("sizes", [], ()),
        ("name", "", ""), ("fast", True, True), ("colour", "blue", Colour.BLUE),
    ],
)  # fmt: skip
def test_a_value_up_to_the_ends_of_its_range_is_kept_in_its_type(key, value, kept):
    found, problems = read(Settings, {"share": 0.5, key: value}, "net")
    assert problems == []
    assert getattr(found, key) == kept
    assert type(getattr(found, key)) is type(kept)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("share", -0.1, "net.share = -0.1 does not fit 0..1"),
        ("share", 1.1, "net.share = 1.1 does not fit 0..1"),
        ("share", float("nan"), "net.share = nan does not fit 0..1"),
        ("share", "1", "net.share = '1' is not a number"),
        ("share", True, "net.share = True is not a number"),
        ("count", 2.0, "net.count = 2.0 is not int"),
        ("count", True, "net.count = True is not int"),
        ("count", 3, "net.count is odd"),
        ("sizes", 3, "net.sizes = 3 is not a list of int"),
        ("sizes", [3, 0], "net.sizes = [3, 0] does not fit 1..9"),
        ("sizes", [10, 3], "net.sizes = [10, 3] does not fit 1..9"),
        ("name", 1, "net.name = 1 is not str"),
        ("fast", 1, "net.fast = 1 is not bool"),
        ("colour", "green", "net.colour = 'green' is not known (known: red, blue)"),
        ("depth", 1, "net.depth = 1 is not known (known: share, count, sizes, name, fast, colour)"),
    ],
)
def test_a_value_that_does_not_fit_gives_no_settings_and_one_problem(key, value, problem):
    assert read(Settings, {"share": 0.5, key: value}, "net") == (None, [problem])


def test_a_setting_without_a_default_must_be_there():
    assert read(Settings, {"count": 3}, "net") == (None, ["net.share is missing"])
    assert read(Settings, [1], "net") == (None, ["net = [1] is not a table"])
