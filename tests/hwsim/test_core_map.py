"""Tests of the map of cores: shades, the place of a router, and the words that go with it."""

import pytest

from hwsim._report.core_map import CELL, UNKNOWN, mapping_view
from hwsim._report.values import CoreUse, MappingUse

LIMITS = {"neurons": 100, "input_axons": 10, "words": None}


def view(*cores, limits=LIMITS, chips=1):
    return mapping_view(MappingUse(chips, 3, 2, 4, limits, cores, 0.0, 0.0))


def core(x=0, y=0, number=0, population="a", chip=0, **use):
    return CoreUse(chip, x, y, number, population, use)


@pytest.mark.parametrize(
    ("neurons", "level"),
    [(0, 0), (20, 0), (21, 1), (40, 1), (41, 2), (80, 3), (81, 4), (100, 4), (150, 4)],
)
def test_a_shade_holds_the_use_up_to_its_own_share(neurons, level):
    assert view(core(neurons=neurons)).chips[0].cells[0].level == level


def test_routers_lie_like_the_mesh_and_their_cores_in_a_square():
    (chip,) = view(core(), core(number=1), core(number=2), core(x=1), core(y=1, number=3)).chips
    first = chip.cells[0]
    offsets = [(cell.x - first.x, cell.y - first.y) for cell in chip.cells]
    router = 2 * CELL + 6
    assert offsets == [(0, 0), (CELL, 0), (0, CELL), (router, 0), (CELL, router + CELL)]
    assert (chip.width, chip.height) == (3 * router - 5, 2 * router - 5)
    assert chip.slots.count("M") == 3 * 2 * 4


def test_each_chip_shows_its_own_cores_and_populations_are_numbered_in_their_order():
    found = view(
        core(population="b", neurons=100),
        core(population="a", chip=1, neurons=30, input_axons=5),
        core(population="b", chip=1, x=2, neurons=10, input_axons=9),
        chips=2,
    )
    assert [[cell.population for cell in chip.cells] for chip in found.chips] == [[1], [2, 1]]
    assert [(p.number, p.name, p.cores) for p in found.populations] == [(1, "b", 2), (2, "a", 1)]
    b, a = ([(m.amount, m.share, m.fullest) for m in p.most] for p in found.populations)
    assert b == [(100, 1.0, True), (9, 0.9, False), (None, None, False)]
    assert a == [(30, 0.3, False), (5, 0.5, True), (None, None, False)]
    assert found.capacity == 24
    assert found.limits == (100, 10, None)


def test_the_text_of_a_chip_names_the_emptiest_the_fullest_and_the_middle_core():
    (chip,) = view(*(core(x=n, neurons=use) for n, use in enumerate((90, 10, 30)))).chips
    assert chip.text == (
        "Chip 0: 3 of 24 cores used; the fullest resource of a core is at 10 % to 90 %, median 30 %"
    )


def test_where_no_limit_is_published_a_core_is_in_use_and_no_more():
    found = view(core(words=3), limits={"words": None})
    assert found.chips[0].text == "Chip 0: 1 of 24 cores used"
    assert found.chips[0].cells[0].level == UNKNOWN
    assert list(found.shades) == ["in use; no limit is published", "not in use"]
    assert (found.populations[0].most[0].share, found.populations[0].most[0].fullest) == (
        None,
        False,
    )
    assert mapping_view(None) is None
