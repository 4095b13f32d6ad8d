"""The files for SANA-FE, without SANA-FE: what they say, and what is refused."""

import re
from dataclasses import replace
from math import prod

import architectures
import numpy as np
import pytest
from mappings import LOIHI1, LOIHI2, chain
from strategies import small_program

from hwsim import Connection, Conv2d, Cuba, Input, Sparse, SumPool2d
from hwsim.errors import CheckError, UnsupportedError
from hwsim.neurons import GradedRelay
from snnexport import Format, export, stages
from snnexport.formats.sanafe.architecture import architecture_text
from snnexport.formats.sanafe.groups import group_names, mapping_text
from snnexport.formats.sanafe.problems import PRICES, unsupported
from snnexport.formats.sanafe.synapses import single
from snnexport.formats.sanafe.write import NETWORK, sanafe_mapping, write_sanafe

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
    with pytest.raises(UnsupportedError, match="decay_u = 3072"):
        sanafe_mapping(program, LOIHI1)


def test_sums_that_may_wrap_are_refused():
    program = chain((1, 3, 3), Conv2d(np.full((1, 1, 3, 3), 1 << 21)))
    assert unsupported(program, LOIHI1) == ["in->layer0: sums may wrap, SANA-FE's do not"]


def test_a_network_of_several_chips_is_refused():
    single_core = replace(LOIHI1.mesh, columns=1, rows=1, cores=1)
    with pytest.raises(UnsupportedError, match=r"it takes 3 chips, not 1"):
        sanafe_mapping(SMALL, replace(LOIHI1, mesh=single_core))


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
