"""Tests of mapping: cuts, capacity, and what is refused."""

from dataclasses import replace
from importlib.resources import files
from itertools import product

import numpy as np
import pytest
from mappings import LOIHI1, LOIHI2, chain, conv, cores_of, limited

from hwsim import Cuba, Sparse
from hwsim import run as run_program
from hwsim._mapping.cut import Cut
from hwsim._mapping.links import links_of
from hwsim._mapping.resources import Site, Store, used
from hwsim.chip import load_chip
from hwsim.counts import fired_of_trace
from hwsim.errors import CheckError, UnsupportedError
from hwsim.mapping import map_program


def pilotnet():
    """The layers of PilotNet LIF in lava-dl 0.6.0, weights zero."""
    return chain(
        (3, 66, 200),
        conv(24, 3, (2, 2)),
        conv(36, 24, (2, 2)),
        conv(48, 36, (2, 2)),
        conv(64, 48, (2, 1), (1, 0)),
        conv(64, 64),
        *(100, 50, 10, 1),
    )


PILOTNET = {"in": 3168, "layer0": 3072, "layer1": 2160, "layer2": 2688, "layer3": 2048,
            "layer4": 2048, "layer5": 9}  # fmt: skip
"""Neurons of a full core in the compiler's mapping: lava-nc/lava-dl at d825ac50,
tutorials/lava/lib/dl/netx/pilotnet_snn/benchmark.ipynb; 100 neurons on 12 cores are up to 9."""


def test_the_published_mapping_of_pilotnet_is_74_cores_of_whole_columns():
    mapping = map_program(pilotnet(), LOIHI2, neurons_per_core=PILOTNET)
    cores = cores_of(mapping)
    assert [len(cores[name]) for name in cores] == [13, 25, 13, 3, 3, 2, 12, 1, 1, 1]
    assert len(mapping.cores) == 74
    columns = {"layer0": 4, "layer1": 4, "layer2": 8, "layer3": 8, "layer4": 16}
    for name, width in columns.items():
        c, h, _ = mapping.program.population(name).shape
        assert cores[name][0].part == (slice(0, c), slice(0, h), slice(0, width))
        assert {core.use.neurons for core in cores[name][:-1]} == {PILOTNET[name]}


def test_the_published_mapping_of_pilotnet_does_not_fit_the_synapse_formats_of_loihi_1():
    with pytest.raises(CheckError, match=r"layer4: a core of 2048 neurons needs \d+ synapse bits"):
        map_program(
            pilotnet(),
            replace(LOIHI2, synapse_memory=LOIHI1.synapse_memory),
            neurons_per_core=PILOTNET,
        )


def test_limits_are_those_of_the_chip_file_in_our_units():
    limits = map_program(chain((4,), 3), LOIHI1).limits
    assert vars(limits) == {
        "neurons": 1024, "synapse_bits": 16384 * 64, "input_axons": 4096, "output_axons": 4096,
        "neuron_profiles": 32, "threshold_profiles": 16, "synapse_formats": 15,
    }  # fmt: skip
    assert map_program(chain((4,), 3), LOIHI2).limits.output_axons is None


@pytest.mark.parametrize(
    ("limits", "cores"),
    [
        ({"neurons_per_core": 24}, 1),
        ({"neurons_per_core": 23}, 2),
        ({"synaptic_memory_per_core": 30 * 32}, 1),  # 30 axons of 24 * 8 + 10 bits: 4 words
        ({"synaptic_memory_per_core": 30 * 32 - 1}, 2),
        ({"input_axons_per_core": 30}, 1),
        ({"output_axons_per_core": 24}, 1),
        ({"output_axons_per_core": 23}, 2),
        ({"threshold_profiles_per_core": 24}, 1),
        ({"threshold_profiles_per_core": 23}, 2),
        ({"threshold_profiles_per_core": 6}, 4),
        ({"synapse_formats_per_core": 1}, 1),
    ],
)
def test_a_population_takes_one_more_core_where_a_limit_is_one_too_low(limits, cores):
    program = chain((30,), 24, 1, neuron=Cuba.leaky(0, 640))
    first = replace(program.populations[0], neuron=Cuba.leaky(0, 64 * np.arange(24)))
    program = replace(program, populations=(first, program.populations[1]))
    chip = limited(LOIHI1, **{"threshold_profiles_per_core": 24, **limits})
    assert len(cores_of(map_program(program, chip))["layer0"]) == cores


@pytest.mark.parametrize("chip", [LOIHI1, LOIHI2], ids=lambda chip: chip.name)
@pytest.mark.parametrize("memory", [300, 800, 2000])
def test_no_even_cut_into_fewer_boxes_fits_the_synapse_memory(chip, memory):
    small = limited(chip, synaptic_memory_per_core=memory)
    mapping = map_program(chain((3, 9, 8), conv(6, 3, (2, 1), (1, 1))), small)
    sizes = [sorted({-(-n // k) for k in range(1, n + 1)}) for n in (6, 5, 8)]
    for size in product(*sizes):
        boxes = int(np.prod([-(-n // s) for n, s in zip((6, 5, 8), size, strict=True)]))
        if boxes < len(mapping.cores):
            assert most_bits(chip, size) > 8 * memory


def most_bits(chip, size):
    """The synapse bits that the layer above needs on its fullest core, cut into ``size``."""
    program = chain((3, 9, 8), conv(6, 3, (2, 1), (1, 1)))
    site = Site(
        "layer0",
        (6, 5, 8),
        None,
        ((program.connections[0], links_of(program, program.connections[0])),),
        (),
    )
    store = Store(chip.weights.bits, chip.synapse_memory)
    return dict(used(site, Cut((6, 5, 8), size), store))["synapse_bits"].max()


def test_of_as_many_cores_those_are_taken_that_the_fewest_messages_reach():
    program = chain((3, 8, 20), conv(8, 3))
    mapping = map_program(program, limited(LOIHI1, neurons_per_core=8 * 6 * 9))
    assert [core.part for core in mapping.cores] == [
        (slice(0, 8), slice(0, 6), slice(start, start + 9)) for start in (0, 9)
    ]


@pytest.mark.parametrize(("neurons", "bits"), [(64, 576), (65, 640), (128, 640), (129, 704)])
def test_an_index_has_enough_bits_for_every_neuron_of_the_core(neurons, bits):
    weight = np.zeros((neurons, 1), int)
    weight[-40:] = 2
    mapping = map_program(chain((1,), Sparse.of(weight)), LOIHI1)
    assert mapping.cores[0].use.synapse_bits == bits  # 40 * (8 + index) + 10, in words of 64


def test_decay_settings_of_each_neuron_limit_the_neurons_of_a_core():
    program = chain((2,), 100, neuron=Cuba.leaky(np.arange(100), 640))
    assert len(map_program(program, LOIHI1).cores) == 4
    assert map_program(program, LOIHI1).used.neuron_profiles == 25
    assert len(map_program(program, LOIHI2).cores) == 1


def test_a_core_that_reaches_more_cores_than_it_has_axons_for_is_cut_again():
    chip = limited(LOIHI1, neurons_per_core=10, output_axons_per_core=24)
    cores = cores_of(map_program(chain((3,), 20, 40, 60), chip))
    assert len(cores["layer2"]) == 6
    assert {core.use.neurons for core in cores["layer1"]} == {4}  # 4 x 6 = 24
    assert {core.use.neurons for core in cores["layer0"]} == {2}  # 10 cores: 2 x 10 = 20


def test_all_that_does_not_fit_is_listed_with_value_limit_and_way_out():
    chip = limited(
        LOIHI1, input_axons_per_core=40, output_axons_per_core=2, synaptic_memory_per_core=400
    )
    with pytest.raises(CheckError) as caught:
        map_program(chain((41,), 300, 300), chip)
    problems = caught.value.problems
    assert problems[0].startswith("layer0: one neuron needs 41 input axons, a core has 40; use")
    assert [p.split(",")[0] for p in problems] == [
        "layer0: one neuron needs 41 input axons",
        "layer0: one neuron needs 300 output axons",
        "layer1: one neuron needs 19200 synapse bits",
        "layer1: one neuron needs 300 input axons",
    ]


def test_a_given_number_of_neurons_that_does_not_fit_is_refused_with_what_would():
    with pytest.raises(CheckError) as caught:
        map_program(chain((3,), 3000), LOIHI1, neurons_per_core={"layer0": 2000})
    assert caught.value.problems == (
        "layer0: a core of 2000 neurons needs 2000 neurons, a core has 1024; "
        "put at most 1000 neurons on a core, or leave the number out",
    )


def test_unknown_names_and_senseless_numbers_of_neurons_are_listed_together():
    with pytest.raises(CheckError) as caught:
        map_program(chain((3,), 30), LOIHI1, neurons_per_core={"layer0": 0, "layer9": 4})
    assert len(caught.value.problems) == 2


def test_a_chip_without_a_mesh_is_refused_by_name():
    with pytest.raises(UnsupportedError, match="chip loihi1 has no mesh"):
        map_program(chain((3,), 3), replace(LOIHI1, mesh=None))


def test_limits_that_are_no_amounts_are_listed_together():
    chip = limited(LOIHI1, neurons_per_core="many", input_axons_per_core=2.5)
    with pytest.raises(CheckError) as caught:
        map_program(chain((3,), 3), chip)
    assert caught.value.problems == (
        "[limits.neurons_per_core]: value = 'many' is not a whole number from 1 up",
        "[limits.input_axons_per_core]: value = 2.5 is not a whole number from 1 up",
    )


def test_a_mesh_of_no_columns_is_refused_by_its_place_in_the_file(tmp_path):
    content = files("hwsim").joinpath("chips/loihi1.toml").read_text()
    path = tmp_path / "odd.toml"
    path.write_text(content.replace("columns = 8", "columns = 0"))
    with pytest.raises(CheckError, match=r"\[mesh\]: columns = 0 is not 1 or more"):
        load_chip(path)


def test_a_convolution_into_neurons_without_its_axes_is_refused_by_name():
    program = chain((1, 4, 4), conv(3, 1))
    flat = replace(program.populations[0], shape=(12,))
    with pytest.raises(CheckError, match=r"in->layer0: a convolution of \(3, 2, 2\)"):
        map_program(replace(program, populations=(flat,)), LOIHI1)


def test_the_use_of_a_mapping_is_the_sum_over_its_cores():
    mapping = map_program(chain((10,), 30, 7), limited(LOIHI1, neurons_per_core=8))
    assert mapping.used.neurons == 37
    assert mapping.used.synapse_bits == sum(core.use.synapse_bits for core in mapping.cores)


def test_counts_of_wrong_shape_or_absent_sources_are_listed_together():
    mapping = map_program(chain((10,), 30), LOIHI1)
    with pytest.raises(CheckError) as caught:
        mapping.messages({"in": np.ones(3, int)})
    assert caught.value.problems == ("in has shape (3,), not (10,)", "layer0 is missing")


def test_on_one_core_each_the_messages_of_a_run_are_those_its_counts_have():
    program = chain((2, 7, 7), conv(4, 2, padding=(1, 1)), 9, neuron=Cuba.leaky(0, 640, 200))
    frames = np.random.default_rng(3).integers(0, 2, (6, 3, 2, 7, 7))
    run = run_program(program, frames, record="spikes")
    traffic = map_program(program, LOIHI1).messages(fired_of_trace(program, frames, run.trace))
    counted = [c.messages for c in run.counts.connections]
    assert [t.messages.sum() for t in traffic] == counted
    assert min(counted) > 0
