"""Tests of where cores are placed: several chips, swaps, the baseline, one result always."""

import subprocess
import sys
from dataclasses import replace
from itertools import combinations

import numpy as np
from mappings import LOIHI1, chain, conv, cores_of, hops, limited, ones

from hwsim import Blank, Connection, Dense
from hwsim._mapping.placement import Axis, Edges, Neighbours
from hwsim.mapping import OUTSIDE, map_program


def test_cores_of_several_chips_have_places_of_their_own():
    mapping = map_program(chain((20,), 200, 150), limited(LOIHI1, neurons_per_core=1))
    places = {(core.chip, core.x, core.y, core.number) for core in mapping.cores}
    assert mapping.chips == 3
    assert len(places) == len(mapping.cores) == 350
    assert {len(set(axis)) for axis in zip(*places, strict=True)} == {3, 8, 4}


def test_messages_between_chips_are_told_apart():
    mapping = map_program(chain((2,), 100, 100), limited(LOIHI1, neurons_per_core=1))
    inner = mapping.messages(ones(mapping.program))[1]
    chips = np.array([core.chip for core in mapping.cores])
    assert inner.crossings.tolist() == abs(chips[inner.source] - chips[inner.target]).tolist()
    assert inner.crossings.any()


def test_what_comes_from_outside_makes_no_hops_unless_the_input_has_cores():
    program = chain((20,), 200, 3)
    outside = map_program(program, LOIHI1).messages(ones(program))[0]
    assert set(outside.source) == {OUTSIDE}
    assert outside.total_hops == 0
    mapping = map_program(program, limited(LOIHI1, neurons_per_core=5), neurons_per_core={"in": 4})
    assert len(cores_of(mapping)["in"]) == 5
    assert mapping.messages(ones(program))[0].total_hops > 0


def test_a_blank_line_comes_from_outside():
    program = chain((2,), 3)
    line = Connection("blank", "layer0", Dense(np.zeros((3, 1), int)))
    connections = (*program.connections, line)
    program = replace(program, period=5, blank=Blank("blank", 2), connections=connections)
    traffic = map_program(program, LOIHI1).messages(ones(program))[1]
    assert (traffic.connection, traffic.source.tolist()) == ("blank->layer0", [OUTSIDE])


def test_no_two_places_could_be_swapped_to_save_hops():
    chip = limited(LOIHI1, neurons_per_core=2)
    mapping = map_program(chain((2, 7, 7), conv(4, 2), conv(2, 4), 9), chip)
    best = hops(mapping)
    assert best < hops(mapping.row_by_row)
    places = [{"x": c.x, "y": c.y, "number": c.number, "chip": c.chip} for c in mapping.cores]
    for one, other in combinations(range(len(places)), 2):
        cores = list(mapping.cores)
        cores[one] = replace(cores[one], **places[other])
        cores[other] = replace(cores[other], **places[one])
        assert hops(replace(mapping, cores=tuple(cores))) >= best


def test_the_change_that_a_swap_makes_is_that_of_all_ways_measured_again(rng):
    source, target = rng.integers(0, 9, (2, 30))
    edges = Edges(source, target, rng.integers(1, 99, 30))
    axis = Axis(Neighbours(9, edges), rng.integers(0, 5, 9))
    for one, other in rng.integers(0, 9, (20, 2)):
        before = (edges.messages * abs(axis.at[source] - axis.at[target])).sum()
        change = axis.change(one)[other]
        axis.swap(one, other)
        assert (edges.messages * abs(axis.at[source] - axis.at[target])).sum() == before + change


def test_row_by_row_fills_router_after_router():
    mapping = map_program(chain((2,), 140), limited(LOIHI1, neurons_per_core=1)).row_by_row
    places = [(core.chip, core.y, core.x, core.number) for core in mapping.cores]
    assert places[:5] == [(0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 0, 2), (0, 0, 0, 3), (0, 0, 1, 0)]
    assert places == sorted(places)
    assert places[128] == (1, 0, 0, 0)


_PRINT = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from dataclasses import replace
from hwsim import Connection, Sparse
from hwsim.mapping import map_program
from mappings import LOIHI1, chain, conv, limited
program = chain((2, 7, 7), conv(4, 2), conv(2, 4), 9)
skip = Connection("layer0", "layer2", Sparse.of(np.ones((9, 100), int)), label="skip")
program = replace(program, connections=(*program.connections, skip))
print(map_program(program, limited(LOIHI1, neurons_per_core=2, output_axons_per_core=90)).cores)
"""


def test_the_same_program_gets_the_same_mapping_whatever_the_order_of_hashes(request):
    folder = str(request.path.parents[1])
    printed = [
        subprocess.run(
            [sys.executable, "-c", _PRINT, folder],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(request.config.rootpath)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1]
    assert "Core(" in printed[0]
