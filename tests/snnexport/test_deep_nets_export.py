"""The deep networks of snntrain, small, on their way to the machine."""

import numpy as np
import pytest
import torch
from torch import nn

from hwsim import load_chip, run
from snnexport import Calibration, capture, fold, lower, problems, quantize
from snnexport.interpret import interpret
from snntrain import recorded, unroll
from snntrain.nets.blocks import Shortcut
from snntrain.nets.resnet import ResNet, ResNetSettings, Stem
from snntrain.nets.seven_block import SevenBlockNet, SevenBlockNetSettings

CHIP = load_chip("loihi2")


def binary(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(4, 2, 2, 8, 8, generator=generator) > 0.5).float()


def settled(module):
    """Give the norms gains of both signs, offsets and statistics of what they see."""
    for path, parameter in module.named_parameters():
        if parameter.dim() == 1 and path.endswith("weight"):
            nn.init.uniform_(parameter, 0.5, 1.5)
            parameter.data[::3] *= -1
        elif parameter.dim() == 1 and "dense" not in path:
            nn.init.uniform_(parameter, 0.3, 1.3)
    for seed in range(3):
        unroll(module.train(), binary(seed))
    return module.eval()


def resnet(shortcut, depth=18, stem=Stem.LARGE):
    torch.manual_seed(0)
    return ResNet(ResNetSettings(shortcut, stem, (2, 8, 8), 5, depth, width=4))


def seven(shortcut=Shortcut.SEW_ADD, pools=(1, 1), **changed):
    torch.manual_seed(0)
    return SevenBlockNet(SevenBlockNetSettings(shortcut, (2, 8, 8), 5, (4, 6), pools, **changed))


EXPORTED = {
    "sew-resnet": lambda: resnet(Shortcut.SEW_ADD),
    "sew-resnet, bottlenecks": lambda: resnet(Shortcut.SEW_ADD, 50, Stem.SMALL),
    "spiking resnet": lambda: resnet(Shortcut.SPIKING),
    "ms-resnet": lambda: resnet(Shortcut.MEMBRANE),
    "seven-block": seven,
    "seven-block, parametric": lambda: seven(plif=True, decay_v=0.5),
    "seven-block, pooled": lambda: seven(Shortcut.SEW_IAND, (2, 2)),
}


@pytest.mark.parametrize("name", EXPORTED)
def test_a_deep_network_is_exported_and_the_machine_runs_it(name):
    module, x = settled(EXPORTED[name]()), binary()
    folded = fold(capture(module, x))
    exact = interpret(folded, x.numpy()).spikes
    with recorded(module.double()) as spikes, torch.no_grad():
        unroll(module, x.double())
    for layer, expected in spikes.items():
        assert np.array_equal(exact[layer].ravel(), expected.ravel().numpy())
    assert any(s.any() for s in list(spikes.values())[-3:])
    program = lower(quantize(folded, CHIP, Calibration(0, 1)), CHIP)
    found = run(program, x.numpy().astype(np.int64), record="spikes")
    assert found.trace.spikes.keys() >= spikes.keys()
    assert found.outputs.any()


def test_a_max_pool_behind_sums_of_spikes_is_refused_by_name():
    module = settled(seven(pools=(2, 2)))
    lines = problems(module, CHIP, binary())
    assert any(line.startswith("pool1: ") for line in lines)
