"""Tests of placement itself: places of their own for all cores, and few hops between them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim._chip_values import Mesh
from hwsim._mapping.placement import (
    Edges,
    Neighbours,
    _column_by_column,
    hops,
    place,
    row_by_row,
)

MESH = Mesh(columns=3, rows=2, cores=2, source="")


def random_edges(cores, seed, count=20):
    random = np.random.default_rng(seed)
    source, target = random.integers(0, cores, (2, count))
    return Edges(source, target, random.integers(1, 50, count))


def test_row_by_row_fills_routers_then_rows_then_chips():
    places = row_by_row(14, MESH)
    assert places.number.tolist() == [0, 1] * 7
    assert places.x.tolist() == [0, 0, 1, 1, 2, 2] * 2 + [3, 3]
    assert places.y.tolist() == [0] * 6 + [1] * 6 + [0, 0]


def test_column_by_column_goes_down_and_up_so_that_each_router_is_beside_the_one_before():
    places = _column_by_column(24, MESH)
    assert places.x.tolist() == [x for x in range(6) for _ in range(4)]
    assert places.y.tolist() == [0, 0, 1, 1, 1, 1, 0, 0] * 3
    steps = abs(np.diff(places.x)) + abs(np.diff(places.y))
    assert steps.tolist() == [0, 1] * 11 + [0]


def test_hops_are_the_ways_along_both_axes_times_the_messages():
    places = row_by_row(14, MESH)
    edges = Edges(np.array([0, 2, 5]), np.array([11, 2, 12]), np.array([10, 7, 3]))
    assert hops(edges, places) == 10 * (2 + 1) + 7 * 0 + 3 * 1


@settings(max_examples=30)
@given(cores=st.integers(1, 30), seed=st.integers(0, 10**6))
def test_every_core_has_a_place_of_its_own_on_as_many_chips_as_they_need(cores, seed):
    places = place(cores, random_edges(cores, seed), MESH)
    assert [len(axis) for axis in places] == [cores] * 3
    assert len(set(zip(*(axis.tolist() for axis in places), strict=True))) == cores
    assert 0 <= places.x.min() <= places.x.max() < 3 * -(-cores // 12)
    assert 0 <= places.y.min() <= places.y.max() < 2
    assert 0 <= places.number.min() <= places.number.max() < 2


@settings(max_examples=30)
@given(cores=st.integers(2, 24), seed=st.integers(0, 10**6))
def test_placement_is_never_worse_than_the_better_of_two_orders(cores, seed):
    edges = random_edges(cores, seed)
    orders = row_by_row(cores, MESH), _column_by_column(cores, MESH)
    assert hops(edges, place(cores, edges, MESH)) <= min(hops(edges, order) for order in orders)


@settings(max_examples=20)
@given(cores=st.integers(2, 14), seed=st.integers(0, 10**6))
def test_no_core_could_change_with_another_or_a_free_place_to_save_hops(cores, seed):
    edges = random_edges(cores, seed)
    places = place(cores, edges, MESH)
    routers = [(x, y) for x in range(3 * -(-cores // 12)) for y in range(2)]
    taken = list(zip(places.x.tolist(), places.y.tolist(), strict=True))
    free = [router for router in routers if taken.count(router) < 2]
    best = hops(edges, places)
    for core, other in product(range(cores), range(cores + len(free))):
        at = [*taken, *free]
        at[core], at[other] = at[other], at[core]
        x, y = np.array(at[:cores]).T
        assert hops(edges, places._replace(x=x, y=y)) >= best


@pytest.mark.parametrize("offset", [0, 1, 5])
def test_a_chain_of_cores_lies_along_neighbouring_routers(offset):
    edges = Edges(np.arange(23), np.arange(1, 24), np.full(23, 1 + offset))
    assert hops(edges, place(24, edges, MESH)) == 11 * (1 + offset)


def test_neighbours_count_messages_both_ways_and_not_those_to_oneself():
    edges = Edges(np.array([0, 2, 2, 1]), np.array([2, 0, 2, 0]), np.array([5, 7, 100, 1]))
    found = Neighbours(4, edges)
    near = {core: [a.tolist() for a in found.of(core)] for core in range(4)}
    assert near == {0: [[1, 2], [1, 12]], 1: [[0], [1]], 2: [[0], [12]], 3: [[], []]}
