"""A program that is written as a netx file and read back is the same program."""

from dataclasses import replace

import netx_chains
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.program import Readout, expand
from hwsim.synapses import Conv2d, SumPool2d
from snnexport.formats.netx.read import read_netx
from snnexport.formats.netx.write import write_netx


def there_and_back(program, folder):
    write_netx(program, folder / "network.net")
    return read_netx(folder / "network.net")


def assert_equal_programs(one, other):
    """Compare all but the file's sha256; a sum over windows comes back as a convolution."""
    for name in ("name", "chip", "input", "output", "readout", "period", "blank"):
        assert getattr(one, name) == getattr(other, name)
    assert {k: v for k, v in other.metadata.items() if k != "netx.sha256"} == one.metadata
    for p, q in zip(one.populations, other.populations, strict=True):
        assert (p.name, p.shape, p.latency) == (q.name, q.shape, q.latency)
        assert type(p.neuron) is type(q.neuron)
        for name, value in vars(p.neuron).items():
            held = expand(getattr(q.neuron, name), q.shape)
            assert (expand(value, p.shape) == held).all(), name
    for c, d in zip(one.connections, other.connections, strict=True):
        assert (c.source, c.target) == (d.source, d.target)
        graded = one.messages_of(c.source) not in ((0, 0), (0, 1))
        assert not graded or c.graded == d.graded
        synapse = c.synapse
        if isinstance(synapse, SumPool2d):
            synapse = synapse.as_conv(one.shape_of(c.source)[0])
        assert_equal_synapses(synapse, d.synapse)


def assert_equal_synapses(one, other):
    assert type(one) is type(other)
    np.testing.assert_array_equal(one.weight, other.weight)
    if isinstance(one, Conv2d):
        for name in ("stride", "padding", "dilation", "groups"):
            assert getattr(one, name) == getattr(other, name)
    else:
        delays = [np.zeros(1, int) if s.delay is None else s.delay for s in (one, other)]
        assert (delays[0] == delays[1]).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_chains_come_back_equal(seed, tmp_path_factory):
    program = netx_chains.random_chain(np.random.default_rng(seed))
    assert_equal_programs(program, there_and_back(program, tmp_path_factory.mktemp("netx")))


def test_readout_name_and_metadata_come_back(rng, tmp_path):
    program = replace(
        netx_chains.random_chain(rng), readout=Readout.VOLTAGE, name="mine", metadata={"a": "b"}
    )
    assert_equal_programs(program, there_and_back(program, tmp_path))


@pytest.mark.parametrize("build", [netx_chains.sigma_delta, netx_chains.input_neurons])
def test_networks_with_a_layer_of_input_neurons_come_back_equal(build, rng, tmp_path):
    program = build(rng)
    assert_equal_programs(program, there_and_back(program, tmp_path))
