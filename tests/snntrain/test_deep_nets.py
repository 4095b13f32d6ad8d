"""Deep residual networks: their sizes, and what identity blocks do to gradients."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from hwsim.errors import CheckError
from snntrain import Recipe, Spiking, spiking_layers, unroll
from snntrain.nets.blocks import JOINS, Plan, Shortcut
from snntrain.nets.resnet import BOTTLENECKS, SIZES, ResNet, ResNetSettings, Stem
from snntrain.nets.seven_block import SevenBlockNet, SevenBlockNetSettings


def resnet(shortcut, depth=18, stem=Stem.SMALL, **changed):
    settings = {"input_shape": (3, 32, 32), "classes": 7, "width": 4} | changed
    torch.manual_seed(0)
    return ResNet(ResNetSettings(shortcut, stem, depth=depth, **settings))


def seven(shortcut=Shortcut.SEW_ADD, **changed):
    settings = {"input_shape": (2, 8, 8), "classes": 5, "channels": (4, 6), "pools": (1, 1)}
    torch.manual_seed(0)
    return SevenBlockNet(SevenBlockNetSettings(shortcut, **settings | changed))


def binary(*shape, seed=0):
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) > 0.5).float()


@pytest.mark.parametrize("depth", SIZES)
@pytest.mark.parametrize("shortcut", [Shortcut.SEW_ADD, Shortcut.SPIKING, Shortcut.MEMBRANE])
def test_depth_counts_the_layers_with_weights_on_the_way_from_input_to_output(depth, shortcut):
    modules = resnet(shortcut, depth).named_modules()
    weighted = [n for n, m in modules if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert sum("shortcut" not in name for name in weighted) == depth


# of torchvision's resnet18, resnet34, ..., each with 1000 classes
PARAMETERS = {18: 11689512, 34: 21797672, 50: 25557032, 101: 44549160, 152: 60192808}


@pytest.mark.parametrize(
    ("depth", "shortcut"),
    [
        (18, Shortcut.SEW_ADD),
        (34, Shortcut.SPIKING),
        (50, Shortcut.SPIKING),
        (101, Shortcut.SEW_ADD),
        (152, Shortcut.SEW_ADD),
    ],
)
def test_networks_have_as_many_parameters_as_those_without_spikes(depth, shortcut):
    net = resnet(shortcut, depth, Stem.LARGE, classes=1000, width=64)
    assert sum(p.numel() for p in net.parameters()) == PARAMETERS[depth]


def test_a_shortcut_that_halves_gives_spikes_to_spikes_and_a_current_to_a_current():
    expected = {Shortcut.SEW_ADD: Spiking, Shortcut.SPIKING: nn.BatchNorm2d}
    for shortcut, kind in expected.items():
        convolution, last = Plan(shortcut, Spiking).block(4, 8, 2).shortcut
        assert (convolution.kernel_size, convolution.stride) == ((1, 1), (2, 2))
        assert type(last) is kind


def test_large_images_are_pooled_by_threes_and_classes_come_from_the_mean_over_places():
    net = resnet(Shortcut.SEW_ADD, stem=Stem.LARGE, input_shape=(3, 64, 64))
    spikes = binary(2, 4, 32, 32)
    assert torch.equal(net.stem[2](spikes), nn.functional.max_pool2d(spikes, 3, 2, 1))
    assert torch.allclose(net.mean(spikes).flatten(1), spikes.mean(dim=(2, 3)))


def test_a_block_network_pools_by_maxima():
    net, spikes = seven(Shortcut.SEW_AND, pools=(2, 4)), binary(2, 4, 8, 8)
    assert torch.equal(net.pool1(spikes), nn.functional.max_pool2d(spikes, 2))
    assert torch.equal(net.pool2(spikes), nn.functional.max_pool2d(spikes, 4))


@pytest.mark.parametrize("make", [lambda **k: resnet(Shortcut.SPIKING, **k), seven])
def test_all_neurons_have_the_leak_of_the_settings(make):
    assert {layer.decay_v for layer in spiking_layers(make(decay_v=0.3)).values()} == {0.3}


def test_parametric_neurons_each_learn_their_leak():
    layers = spiking_layers(seven(plif=True, decay_v=0.5)).values()
    assert all("decay_v" in layer.parametrizations for layer in layers)
    assert {layer.decay_v.item() for layer in layers} == {0.5}


def test_a_membrane_network_fires_once_more_without_a_norm_before_its_classes():
    last = resnet(Shortcut.MEMBRANE).last
    assert isinstance(last, Spiking)
    assert last.norm is None


@pytest.mark.parametrize("shortcut", JOINS)
def test_a_deep_network_starts_with_identity_blocks_if_asked_to(shortcut):
    for identity in (True, False):
        blocks = resnet(shortcut, identity=identity).blocks
        assert all(b.branch.spike2.norm.weight.any() != identity for b in blocks)


@pytest.mark.parametrize("shortcut", Shortcut)
@pytest.mark.parametrize(
    ("stem", "side", "sides"),
    [(Stem.LARGE, 64, [16, 8, 4, 2]), (Stem.SMALL, 32, [32, 16, 8, 4])],
)
def test_stages_double_the_channels_and_halve_the_image(shortcut, stem, side, sides):
    net = resnet(shortcut, stem=stem, input_shape=(3, side, side))
    shapes = []
    for block in net.blocks:
        block.register_forward_hook(lambda _m, _i, output: shapes.append(tuple(output.shape[1:])))
    assert unroll(net, torch.rand(2, 3, 3, side, side)).shape == (2, 3, 7)
    stages = [(4 * 2**i, s, s) for i, s in enumerate(sides)]
    assert shapes == [shape for shape in stages for _ in range(2)]


def test_bottlenecks_have_a_quarter_of_the_channels_and_the_stride_where_the_kernel_is_3x3():
    net = resnet(Shortcut.SEW_ADD, 50)
    assert BOTTLENECKS == (50, 101, 152)
    halving = net.blocks[3].branch
    sizes = [
        (m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0], m.padding[0])
        for m in halving
        if isinstance(m, nn.Conv2d)
    ]
    assert sizes == [(16, 8, 1, 1, 0), (8, 8, 3, 2, 1), (8, 32, 1, 1, 0)]
    assert net.dense.in_features == 128


@pytest.mark.parametrize("bottleneck", [False, True])
@pytest.mark.parametrize("shortcut", JOINS)
def test_a_block_that_starts_as_the_identity_is_one(shortcut, bottleneck):
    plan = Plan(shortcut, Spiking, bottleneck=bottleneck, identity=True)
    x = binary(3, 5, 8, 4, 4)
    assert torch.equal(unroll(plan.block(8, 8), x), x)


def test_a_current_that_starts_without_its_branch_is_handed_on():
    plan = Plan(Shortcut.MEMBRANE, lambda *a, **k: Spiking(*a, **k), identity=True)
    x = torch.randn(3, 5, 8, 4, 4)
    assert torch.equal(unroll(plan.block(8, 8), x), x)


def test_the_spiking_shortcut_lets_a_spike_through_only_if_one_exceeds_the_threshold():
    x = binary(1, 5, 8, 4, 4)
    for threshold, expected in ((0.99, x), (1.0, 0 * x)):

        def neurons(channels, *, norm=True, threshold=threshold):
            return Spiking(channels, norm=norm, threshold=threshold)

        block = Plan(Shortcut.SPIKING, neurons, identity=True).block(8, 8)
        assert torch.equal(unroll(block, x), expected)


@pytest.mark.parametrize("shortcut", JOINS)
def test_gradients_cross_120_layers_of_identity_blocks_unchanged(shortcut):
    plan = Plan(shortcut, Spiking, identity=True)
    blocks = nn.Sequential(*(plan.block(3, 3) for _ in range(60)))
    entered = binary(2, 4, 3, 4, 4).requires_grad_()
    weight = torch.randn(2, 4, 3, 4, 4)
    (gradient,) = torch.autograd.grad((unroll(blocks, entered) * weight).sum(), entered)
    assert torch.equal(gradient, weight)


def test_gradients_do_not_cross_120_layers_of_spiking_shortcuts():
    plan = Plan(Shortcut.SPIKING, Spiking, identity=True)
    blocks = nn.Sequential(*(plan.block(3, 3) for _ in range(60)))
    entered = binary(2, 4, 3, 4, 4).requires_grad_()
    (gradient,) = torch.autograd.grad(unroll(blocks, entered).sum(), entered)
    assert gradient.abs().max() < 1e-6


def test_a_network_of_more_than_100_layers_takes_a_step_along_its_identities():
    net = seven(channels=(4,) * 52, pools=(1,) * 52, identity=True)
    assert sum(isinstance(m, (nn.Conv2d, nn.Linear)) for m in net.modules()) == 106
    streams = []

    def keep(_module, _inputs, output):
        output.retain_grad()
        streams.append(output)

    for name, module in net.named_children():
        if name.startswith("block"):
            module.register_forward_hook(keep)
    x, labels = 3 * binary(2, 4, 2, 8, 8), torch.arange(4)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    before = copy.deepcopy(net.state_dict())
    loss = cross_entropy(unroll(net, x).mean(dim=0), labels)
    loss.backward()
    assert streams[0].grad.any()
    assert all(torch.equal(stream.grad, streams[0].grad) for stream in streams)
    optimizer.step()
    assert cross_entropy(unroll(net, x).mean(dim=0), labels) < loss
    after = net.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(after[name], value)}
    assert {"widen1.0.weight", "block52.branch.spike2.norm.bias", "dense.weight"} <= changed


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ResNetSettings(Shortcut.SPIKING, Stem.SMALL, (3, 8), 7, 18), "not [channels, he"),
        (lambda: ResNetSettings(Shortcut.SPIKING, Stem.SMALL, (3, 8, 8), 7, 42), "depth = 42 is n"),
        (
            lambda: ResNetSettings(Shortcut.NONE, Stem.SMALL, (3, 8, 8), 7, 18, identity=True),
            "identity = true needs a shortcut",
        ),
        (lambda: block_settings(channels=(4,)), "are not one value for each of 1 block or more"),
        (lambda: block_settings(channels=(), pools=()), "are not one value for each"),
        (lambda: block_settings(pools=(2, 8)), "[2, 8, 8] cannot be divided by pools = [2, 8]"),
        (lambda: block_settings(plif=True), "decay_v between 0 and 1, not 0.0"),
        (
            lambda: block_settings(Shortcut.SPIKING, plif=True, decay_v=0.5),
            "plif = true needs neurons that normalise",
        ),
        (lambda: block_settings(Shortcut.MEMBRANE), "carries currents, of which no maximum"),
        (lambda: block_settings(Shortcut.NONE, identity=True), "identity = true needs a shortcut"),
    ],
)
def test_settings_that_no_deep_network_has_are_named(make, message):
    (problem,) = make().problems()
    assert message in problem


def block_settings(shortcut=Shortcut.SEW_ADD, **changed):
    settings = {"input_shape": (2, 8, 8), "classes": 5, "channels": (4, 6), "pools": (1, 1)}
    return SevenBlockNetSettings(shortcut, **settings | changed)


def test_the_settings_of_the_tests_above_are_otherwise_fine():
    assert not block_settings().problems()
    assert not ResNetSettings(Shortcut.SPIKING, Stem.SMALL, (3, 8, 8), 7, 18).problems()
    with pytest.raises(CheckError, match=r"net\.depth = 200 does not fit 18\.\.152"):
        Recipe.from_text(
            '[data]\nname = "digits"\n[net]\nkind = "resnet"\nshortcut = "sew-add"\n'
            'stem = "small"\ninput_shape = [1, 8, 8]\nclasses = 10\ndepth = 200\n'
            "[train]\nsteps = 4\nepochs = 1\nbatch_size = 25\nlearning_rate = 0.01\n",
            "recipe.toml",
        )
