"""The files for SANA-FE, without SANA-FE: what they say, and what is refused."""

import re
from dataclasses import replace
from math import prod
from pathlib import Path

import architectures
import numpy as np
import pytest
from mappings import LOIHI1, LOIHI2, chain, limited
from strategies import small_program

import hwsim
from hwsim import Connection, Conv2d, Cuba, Input, Sparse, SumPool2d
from hwsim.chip import load_chip
from hwsim.errors import CheckError
from hwsim.neurons import GradedRelay
from snnexport import Format, export, stages
from snnexport.formats.sanafe.architecture import PRICES, architecture_text
from snnexport.formats.sanafe.groups import group_names, mapping_text
from snnexport.formats.sanafe.synapses import single
from snnexport.formats.sanafe.write import (
    ARCHITECTURE,
    NETWORK,
    sanafe_mapping,
    unsupported,
    write_sanafe,
)

SMALL = chain((2, 8, 8), Conv2d(np.full((4, 2, 3, 3), 2)), 10)


@pytest.mark.parametrize("seed", range(8))
def test_the_edges_of_convolutions_and_pools_are_their_synapses_one_by_one(seed):
    program = small_program(np.random.default_rng(seed))
    for connection in program.connections[:2]:
        shape = program.shape_of(connection.source)
        edges = single(program, connection)
        fan_out = np.bincount(edges.source, minlength=prod(shape)).reshape(shape)
        np.testing.assert_array_equal(fan_out, connection.synapse.fan_out(shape))
        wanted = Sparse.unrolled(connection.synapse, shape)
        matrix = np.zeros((wanted.shape[0], prod(shape)), int)
        np.add.at(matrix, (edges.target, edges.source), edges.weight)
        unrolled = np.zeros_like(matrix)
        unrolled[wanted.target, wanted.source] = wanted.weight
        np.testing.assert_array_equal(matrix, unrolled)


def test_every_neuron_is_mapped_once_and_each_input_has_a_unit_of_its_own():
    mapping = sanafe_mapping(SMALL, LOIHI1)
    names, units, mapped = group_names(SMALL), set(), []
    for line in mapping_text(mapping, names):
        group, first, last, core = re.match(
            r"  - (\w+)\.(\d+)(?:\.\.(\d+))?: \[core: (\d+\.\d+)", line
        ).groups()
        mapped += [(group, n) for n in range(int(first), int(last or first) + 1)]
        unit = re.search(r'"loihi_inputs\[\d+\]"', line)
        if unit:
            assert (core, unit[0]) not in units
            units.add((core, unit[0]))
    sources = [SMALL.input, *SMALL.populations]
    wanted = [(names[s.name], n) for s in sources for n in range(prod(s.shape))]
    assert sorted(mapped) == sorted(wanted)
    assert len(units) == prod(SMALL.input.shape)


def test_tiles_are_numbered_down_the_columns_of_the_mesh():
    mapping = sanafe_mapping(SMALL, LOIHI1)
    moved = replace(mapping, cores=tuple(replace(c, x=5, y=3, number=2) for c in mapping.cores))
    lines = list(mapping_text(moved, group_names(SMALL)))
    assert all("core: 23.2, " in line for line in lines)


def test_prices_and_mesh_are_those_of_the_chip_file():
    text = architecture_text(LOIHI1, 7)
    table = LOIHI1.table(PRICES)
    for price in (*table.terms, *table.transport):
        if not price.counter.startswith("graded"):
            assert f"{price.energy_pj}e-12" in text
            assert f"{price.time_ns}e-9" in text
    mesh = LOIHI1.mesh
    assert f"width: {mesh.columns}, height: {mesh.rows}" in text
    assert f"core[0..{mesh.cores - 1}]" in text
    assert "loihi_inputs[0..6]" in text


def test_names_of_groups_hold_nothing_that_sana_fe_reads_as_syntax():
    program = chain((3,), 2)
    hostile = "a.b -> c: [\n#"
    (population,) = program.populations
    program = replace(
        program, populations=[replace(population, name=hostile)], output=hostile,
        connections=[replace(program.connections[0], target=hostile)],
    )  # fmt: skip
    assert list(group_names(program).values()) == ["0_in", "1_a_b____c_____"]


def test_a_population_reached_in_several_forms_is_named_in_the_head(tmp_path):
    program = chain((1, 4, 4), Conv2d(np.full((1, 1, 1, 1), 2)), SumPool2d((1, 1), (1, 1)))
    shortcut = Connection("in", "layer1", Sparse.identity(16))
    program = replace(program, connections=(*program.connections, shortcut))
    write_sanafe(sanafe_mapping(program, LOIHI1), np.zeros((2, 1, 4, 4), int), tmp_path)
    text = (tmp_path / NETWORK).read_text()
    assert "# 'layer1': its synapses are conv and sparse, all priced as sparse\n" in text
    assert "'layer0'" not in text


def test_everything_that_sana_fe_would_compute_differently_is_refused_at_once(rng):
    program = small_program(rng, high=16)
    first, second, last = program.populations
    conv, pool, dense = program.connections
    late = Sparse.of(dense.synapse.weight, -1, np.full(dense.synapse.weight.shape, 3))
    program = replace(
        program,
        input=Input("image", (2, 9, 8), -1, 16),
        populations=(
            replace(first, neuron=Cuba(3072, 0, 640)),
            replace(second, neuron=GradedRelay()),
            replace(last, neuron=Cuba.leaky(0, 640)),
        ),
        connections=(replace(conv, graded=False), pool, replace(dense, synapse=late)),
    )
    found = "\n".join(unsupported(program, LOIHI2))
    for what in (
        "chip loihi2 has no price table loihi1-fitted",
        "conv: decay_u = 3072 does not fit 4096",
        "pool.spike: SANA-FE has no GradedRelay",
        "image->conv: values up to 16 that count as 1",
        "pool.spike->out: delays of up to 3 steps",
        "pool.spike->out: weight exponent = -1",
        "image: values down to -1",
    ):
        assert what in found
    with pytest.raises(CheckError, match="decay_u = 3072"):
        sanafe_mapping(program, LOIHI1)


def test_sums_that_may_wrap_are_refused():
    program = chain((1, 3, 3), Conv2d(np.full((1, 1, 3, 3), 1 << 21)))
    assert unsupported(program, LOIHI1) == ["in->layer0: sums may wrap, SANA-FE's do not"]


def test_a_network_of_several_chips_is_refused():
    single_core = replace(LOIHI1.mesh, columns=1, rows=1, cores=1)
    assert unsupported(SMALL, replace(LOIHI1, mesh=single_core)) == ["it takes 3 chips, not 1"]


def test_an_input_that_reaches_many_cores_is_spread_until_its_axons_suffice():
    # 24 neurons on a core would need an axon to each of 4 cores: 96
    chip = limited(LOIHI1, neurons_per_core=24, output_axons_per_core=40)
    mapping = sanafe_mapping(chain((60,), 96), chip)
    cores = [c.use for c in mapping.cores if c.population == "in"]
    assert [use.output_axons for use in cores] == [24] * 10
    assert [use.neurons for use in cores] == [6] * 10


def test_what_no_core_can_hold_is_refused_in_the_name_of_sana_fe():
    with pytest.raises(CheckError, match="does not fit SANA-FE: 2 problem") as caught:
        sanafe_mapping(SMALL, limited(LOIHI1, input_axons_per_core=1))
    assert "leave sanafe out of --format" in caught.value.hint
    assert all("input axons, a core has 1" in problem for problem in caught.value.problems)


def test_prices_and_limits_that_the_chip_file_lacks_are_named():
    table = LOIHI1.table(PRICES)
    terms = [t if t.name != "spike" else replace(t, time_ns=None) for t in table.terms]
    transport = [t for t in table.transport if t.name != "hop_east_west"]
    poor = replace(table, terms=terms, transport=transport, barrier_by_tiles=())
    limits = [limit for limit in LOIHI1.limits if limit.name != "neurons_per_core"]
    assert unsupported(SMALL, replace(LOIHI1, prices=[poor], limits=limits)) == [
        "chip loihi1: table loihi1-fitted has no energy or no time of spike",
        "chip loihi1: table loihi1-fitted has no energy or no time of hop_east_west",
        "chip loihi1: table loihi1-fitted has no barrier_by_tiles",
        "chip loihi1 has no limit neurons_per_core",
    ]


def test_what_a_chip_file_says_cannot_change_the_architecture():
    table = replace(LOIHI1.table(PRICES), source="x\nevil: [")
    hostile = replace(LOIHI1, name="on: \n[", description="a\nevil: [", prices=[table])
    head, *lines = architecture_text(hostile, 1).splitlines()
    assert head.startswith("# ")
    _, _, _, *rest = architecture_text(LOIHI1, 1).splitlines()
    assert lines == ["architecture:", "  name: 'on____'", *rest]


def test_the_head_says_how_many_synapses_there_are_and_what_memory_they_take(tmp_path):
    program = chain((500,), 400)
    write_sanafe(sanafe_mapping(program, LOIHI1), np.zeros((2, 500), int), tmp_path)
    head = (tmp_path / NETWORK).read_text()
    assert "# 200,000 synapses, for which SANA-FE takes about 0.6 GB of memory.\n" in head


def test_export_uses_the_chip_that_it_was_given(tmp_path):
    source = (Path(hwsim.__file__).parent / "chips" / "loihi1.toml").read_text()
    own = tmp_path / "own.toml"
    own.write_text(source.replace('"loihi1"', '"own"').replace("pj = 69.3", "pj = 70.25"))
    chip, frames = load_chip(str(own)), np.zeros((4, 1, 1, 8, 8), int)
    done = stages(architectures.checkpoint("pooled"), chip, name="pooled")
    export(done, tmp_path / "out", [Format.SANAFE], frames, "zeros")
    assert "70.25e-12" in (tmp_path / "out" / "sanafe" / ARCHITECTURE).read_text()
    bare = replace(done, chip=replace(chip, prices=()))
    with pytest.raises(CheckError, match="sanafe: chip own has no price table"):
        export(bare, tmp_path / "bare", [Format.SANAFE], frames, "zeros")


def test_export_writes_the_folder_and_refuses_what_does_not_fit(tmp_path):
    frames = np.zeros((4, 1, 1, 8, 8), int)
    done = stages(architectures.checkpoint("pooled"), LOIHI1, name="pooled")
    export(done, tmp_path / "pooled", [Format.SANAFE], frames, "zeros")
    names = {path.name for path in (tmp_path / "pooled" / "sanafe").iterdir()}
    assert names == {"architecture.yaml", "network.yaml"}
    done = stages(architectures.checkpoint("convnet"), LOIHI1, name="convnet")
    with pytest.raises(CheckError, match=r"sanafe: .*decay_u = 3072"):
        export(done, tmp_path / "convnet", [Format.SANAFE], frames, "zeros")
    assert not (tmp_path / "convnet").exists()
