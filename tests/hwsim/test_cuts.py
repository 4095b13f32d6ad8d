"""Tests of cuts: boxes that cover a population once, and the order in which cuts are tried."""

from itertools import islice
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim._mapping.cut import Cut, even_cuts, full_cuts, grid_of
from hwsim._mapping.route import Columns
from hwsim._mapping.sent import Sent, in_boxes

axes = st.integers(1, 6)
grids = st.tuples(axes, axes, axes)
cuts = st.builds(Cut, grids, grids)


@pytest.mark.parametrize(
    ("shape", "grid"), [((3, 4, 5), (3, 4, 5)), ((7,), (7, 1, 1)), ((2, 3), (6, 1, 1))]
)
def test_neurons_without_three_axes_are_a_row_of_channels(shape, grid):
    assert grid_of(shape) == grid


@given(cut=cuts)
def test_the_boxes_of_a_cut_are_its_slices_in_their_order(cut):
    box = np.full(cut.grid, -1)
    for number, part in enumerate(cut.slices()):
        assert (box[part] == -1).all()
        box[part] = number
    assert cut.box().tolist() == box.ravel().tolist()
    assert cut.neurons().tolist() == np.bincount(box.ravel()).tolist()
    assert cut.boxes == box.max() + 1
    assert cut.neurons().max() <= prod(cut.size)


@given(cut=cuts)
def test_boxes_are_numbered_by_the_chunks_of_each_axis(cut):
    _, rows, columns = cut.chunks
    every = [np.arange(n) for n in cut.chunks]
    assert cut.numbers(*every).tolist() == list(range(cut.boxes))
    last = [chunks[-1:] for chunks in every]
    assert cut.numbers(np.array([0]), *last[1:]).tolist() == [rows * columns - 1]


@given(cut=cuts, graded=st.booleans(), data=st.data())
def test_spikes_are_added_up_box_by_box(cut, graded, data):
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    counts = random.integers(0, 300 if graded else 2, (2, *cut.grid))
    found = in_boxes(cut)(Sent(counts if graded else counts.astype(bool), cut.grid))
    assert found.tolist() == [[int(c[part].sum()) for part in cut.slices()] for c in counts]


def test_a_sum_of_more_channels_than_a_byte_counts_is_exact():
    cut = Cut((600, 1, 1), (300, 1, 1))
    assert in_boxes(cut)(Sent(np.ones((1, 600), bool), cut.grid)).tolist() == [[300, 300]]


@given(grid=grids, most=st.integers(1, 40))
def test_even_cuts_come_by_number_of_boxes_and_none_holds_too_many_neurons(grid, most):
    groups = list(islice(even_cuts(grid, most), 200))
    boxes = [{cut.boxes for cut in group} for group in groups]
    assert all(len(same) == 1 for same in boxes)
    numbers = [number for same in boxes for number in same]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == prod(grid)
    found = [cut for group in groups for cut in group]
    assert all(cut.neurons().max() <= most for cut in found)
    assert all(np.ptp(cut.lengths(axis)) < cut.size[axis] for cut in found for axis in range(3))


@given(grid=grids, most=st.integers(1, 40))
def test_full_cuts_have_the_fewest_boxes_that_any_size_gives_the_fullest_first(grid, most):
    found = full_cuts(grid, most)
    sizes = [size for size in np.ndindex(*(n + 1 for n in grid)) if 0 < prod(size) <= most]
    fewest = min(Cut(grid, size).boxes for size in sizes)
    wanted = {size for size in sizes if Cut(grid, size).boxes == fewest}
    assert {cut.size for cut in found} == wanted
    full = [prod(cut.size) for cut in found]
    assert full == sorted(full, reverse=True)


def test_columns_are_added_to_the_cores_and_rows_they_belong_to():
    total = np.full((3, 4), 100)
    values = np.array([[1, 2, 4, 8], [10, 20, 40, 80]])
    Columns.of(np.array([3, 0, 3, 1])).add(values, total, np.array([2, 0]))
    assert (total - 100).tolist() == [[20, 80, 0, 50], [0, 0, 0, 0], [2, 8, 0, 5]]
