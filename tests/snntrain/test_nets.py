"""The networks: what their blocks compute, and that each trains, saves and evaluates."""

from pathlib import Path

import pytest
import torch
from torch import fx, nn

from hwsim.errors import CheckError
from snntrain import Checkpoint, Delay, Readout, Recipe, evaluate, fit, load, recorded, unroll
from snntrain.layers import Temporal, spiking_layers
from snntrain.nets.blocks import SewBlock, Shortcut
from snntrain.nets.convnet import ConvNet, ConvNetSettings
from snntrain.nets.residual import Pooling, ResidualNet, ResidualNetSettings

pytestmark = pytest.mark.filterwarnings("ignore::snntrain._watch.SpikeportWarning")
"""Networks of a few channels that train for moments do have layers that never fire."""

ARCHITECTURES = sorted(
    (Path(__file__).resolve().parents[2] / "benchmarks" / "architectures").glob("*.toml")
)
COMMON = "input_shape = [1, 8, 8]\nclasses = 10\n"
KINDS = {
    "convnet strided": "channels = [3, 4]\nstrides = [2, 1]\npools = [1, 3]\ndense = []\n"
    "decay_u = [1.0, 1.0]\ndecay_v = [0.25, 0.25]\nreadout = true\n",
    "recurrent": "channels = [3]\ndense = [8]\ndecay_u = 0.75\ndecay_v = 0.25\n",
    "delayed": "channels = [3, 4]\ndense = [8]\ndelays = [0, 1]\ndecay_u = 0.75\ndecay_v = 0.25\n",
    "delayed learned": "channels = [3]\ndense = [8]\ndelays = [0, 1]\nlongest = 3\n"
    "decay_u = 0.75\ndecay_v = 0.25\n",
    "pooled": "channels = [3, 4]\ndecay_v = 0.5\ndropout = 0.2\n",
    "resnet": 'shortcut = "spiking"\nstem = "large"\ndepth = 18\nwidth = 4\n',
    "seven-block": 'shortcut = "sew-add"\nchannels = [3, 4]\npools = [2, 1]\n'
    "decay_v = 0.5\nplif = true\n",
} | {
    f"residual {shortcut.value}": f'shortcut = "{shortcut.value}"\nchannels = [3, 4]\nblocks = 1\n'
    'pooling = "average"\npool_size = 2\n'
    for shortcut in Shortcut
}


def recipe(name):
    kind = name.split()[0]
    return Recipe.from_text(
        f'[data]\nname = "digits"\nsamples = 300\n[net]\nkind = "{kind}"\n{COMMON}{KINDS[name]}'
        "[train]\nsteps = 4\nepochs = 3\nbatch_size = 25\nlearning_rate = 0.02\nseed = 1\n",
        name,
    )


@pytest.fixture(params=KINDS)
def small(request):
    return recipe(request.param)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def binary(*shape, seed=0):
    return (randn(*shape, seed=seed) > 0).float()


def stirred(module):
    """Give every norm gains and offsets that make its neurons fire now and then."""
    generator = torch.Generator().manual_seed(3)
    for name, parameter in module.named_parameters():
        if "norm" in name or "shortcut.1" in name:
            low, high = (0.5, 2.0) if name.endswith("weight") else (0.2, 0.8)
            nn.init.uniform_(parameter, low, high, generator=generator)
    return module


def test_training_any_network_is_reproducible_and_its_file_evaluates_to_the_same(small, tmp_path):
    trained = fit(small)
    assert fit(small).to_bytes() == trained.to_bytes()
    trained.save(tmp_path / "checkpoint.safetensors")
    loaded = Checkpoint.load(tmp_path / "checkpoint.safetensors")
    test = load("digits", "test").first(64)
    found = evaluate(loaded, test)
    assert found.outputs.any()
    assert (found.outputs == evaluate(trained, test).outputs).all()


def test_dropout_of_a_resumed_run_is_that_of_an_uninterrupted_one(tmp_path):
    pooled = recipe("pooled")

    class Interrupted(Exception):
        pass

    def stop(done, total, best):
        raise Interrupted

    with pytest.raises(Interrupted):
        fit(pooled, out=tmp_path, progress=stop)
    assert fit(pooled, out=tmp_path, resume=True).to_bytes() == fit(pooled).to_bytes()


def test_every_weight_of_every_network_is_trained(small):
    module = stirred(small.build())
    unroll(module, 16 * randn(3, 32, 1, 8, 8).abs()).square().sum().backward()
    silent = [n for n, p in module.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent


def test_every_network_is_traced_with_its_temporal_layers_as_single_nodes(small):
    class Tracer(fx.Tracer):
        def is_leaf_module(self, m, module_qualified_name):
            return isinstance(m, Temporal) or super().is_leaf_module(m, module_qualified_name)

    module = small.build()
    called = [n.target for n in Tracer().trace(module).nodes if n.op == "call_module"]
    temporal = [name for name, m in module.named_modules() if isinstance(m, Temporal)]
    assert sorted(n for n in called if n in temporal) == sorted(temporal)


@pytest.mark.parametrize("path", ARCHITECTURES, ids=lambda path: path.stem)
def test_every_recipe_of_the_benchmark_builds_a_network_for_its_data(path):
    plan = Recipe.load(path)
    assert plan.data.name == "mnist"
    output = unroll(plan.build(), torch.zeros(plan.train.steps, 2, *plan.net.input_shape))
    assert output.shape == (plan.train.steps, 2, 10)


def test_the_benchmark_has_a_recipe_for_each_kind_of_network_and_shortcut():
    plans = [Recipe.load(path) for path in ARCHITECTURES]
    assert {p.kind for p in plans} == {"convnet", "delayed", "pooled", "recurrent", "residual"}
    joined = set(Shortcut) - {Shortcut.NONE}
    assert {p.net.shortcut for p in plans if p.kind == "residual"} == joined


def residual(shortcut, **changed):
    settings = {
        "shortcut": shortcut,
        "pooling": recipe("residual sew-add").net.pooling,
        "input_shape": (1, 8, 8),
        "classes": 3,
        "channels": (4,),
        "blocks": 2,
        "pool_size": 2,
    }
    return ResidualNet(ResidualNetSettings(**settings | changed))


JOINED = {
    Shortcut.SEW_ADD: lambda branch, entered: branch + entered,
    Shortcut.SEW_AND: lambda branch, entered: ((branch == 1) & (entered == 1)).float(),
    Shortcut.SEW_IAND: lambda branch, entered: ((branch == 0) & (entered == 1)).float(),
}


@pytest.mark.parametrize("shortcut", JOINED)
def test_sew_block_joins_the_spikes_of_its_branch_with_those_that_entered(shortcut):
    block = stirred(residual(shortcut).blocks[0])
    x = binary(3, 5, 4, 4, 4)
    with recorded(block) as spikes:
        y = unroll(block, x)
    branch = spikes["branch.spike2"].view_as(x)
    assert 0 < branch.mean() < 1
    assert torch.equal(y, JOINED[shortcut](branch, x))


@pytest.mark.parametrize("shortcut", JOINED)
def test_an_untrained_sew_block_is_the_identity(shortcut):
    x = binary(3, 5, 4, 4, 4)
    assert torch.equal(unroll(residual(shortcut).blocks[0].eval(), x), x)


def test_spiking_block_adds_the_spikes_that_entered_to_the_current_of_its_last_neurons():
    block = stirred(residual(Shortcut.SPIKING).blocks[0]).eval()
    currents = {}
    for name in ("branch", "spike"):
        getattr(block, name).register_forward_hook(
            lambda _m, inputs, output, name=name: currents.update({name: (inputs[0], output)})
        )
    x = binary(3, 5, 4, 4, 4)
    y = unroll(block, x)
    assert torch.equal(currents["spike"][0], currents["branch"][1] + x.flatten(0, 1))
    assert torch.equal(y.flatten(0, 1), currents["spike"][1])


def test_membrane_block_adds_currents_and_its_convolutions_see_only_spikes():
    net = stirred(residual(Shortcut.MEMBRANE, channels=(4, 6))).eval()
    seen = []
    for name, m in net.blocks.named_modules():
        if isinstance(m, nn.Conv2d):
            m.register_forward_hook(lambda _m, inputs, _o, name=name: seen.append((name, inputs)))
    unroll(net, 16 * randn(3, 5, 1, 8, 8).abs())
    assert len(seen) == 9
    assert all(set(spikes.unique().tolist()) <= {0.0, 1.0} for _, (spikes,) in seen)
    block, x = net.blocks[1], randn(3, 5, 4, 4, 4)
    branch = {}
    block.branch.register_forward_hook(lambda _m, _i, output: branch.update(current=output))
    y = unroll(block, x)
    assert torch.equal(y.flatten(0, 1), branch["current"] + x.flatten(0, 1))


def test_every_stage_of_a_residual_network_halves_the_image_once():
    net = residual(Shortcut.SEW_ADD, channels=(3, 4, 5), pool_size=1)
    shapes = []
    for block in net.blocks:
        assert isinstance(block, SewBlock)
        block.register_forward_hook(lambda _m, _i, output: shapes.append(output.shape[1:]))
    unroll(net, torch.zeros(1, 2, 1, 8, 8))
    assert shapes == [(3, 4, 4)] * 2 + [(4, 2, 2)] * 2 + [(5, 1, 1)] * 2


def test_recurrent_network_ends_in_voltages_and_every_population_hears_itself():
    net = recipe("recurrent").build()
    assert all(layer.recurrent is not None for layer in spiking_layers(net).values())
    assert isinstance(list(net.children())[-1], Readout)


def test_delayed_network_hands_out_its_delays_channel_by_channel():
    net = recipe("delayed").build()
    delays = [m.delay.tolist() for m in net.modules() if isinstance(m, Delay)]
    assert delays == [[0, 1, 0], [0, 1, 0, 1], [0, 1] * 4]


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("residual sew-add", "[3, 4]", "[]", "net.channels = [] holds no stage"),
        (
            "residual sew-add",
            "[3, 4]",
            "[3, 4, 4, 4]",
            "net.input_shape = [1, 8, 8] cannot be halved 4 times",
        ),
        ("residual sew-add", "pool_size = 2", "pool_size = 3", "does not divide [2, 2]"),
        ("residual sew-add", '"average"', '"max"', "max' needs spikes 0 and 1, and sew-add gives"),
        ("residual sew-add", '"average"', '"mean"', "'mean' is not known (known: average, max)"),
        ("residual sew-add", '"sew-add"', '"sew-or"', "is not known (known: none, sew-add,"),
        ("delayed", "[0, 1]", "[]", "net.delays = [] holds no delay"),
        ("delayed", "[0, 1]", "[0, 63]", "net.delays = [0, 63] does not fit 0..62"),
        ("delayed", "[3, 4]", "[3, 4, 5, 6]", "cannot be halved 4 times, once per convolution"),
        ("recurrent", "[1, 8, 8]", "[8, 8]", "[8, 8] is not [channels, height, width]"),
        ("pooled", "[3, 4]", "[3]", "net.channels = [3] is not one value for each of 2 layers"),
        ("pooled", "decay_v = 0.5", "decay_v = 0.0", "decay_v = 0.0 does not fit 0.001..0.999"),
    ],
)
def test_settings_that_no_network_has_are_named(name, old, new, message):
    text = recipe(name).to_text()
    assert old in text
    with pytest.raises(CheckError) as caught:
        Recipe.from_text(text.replace(old, new), "bad.toml")
    assert message in str(caught.value)


def convnet(**settings):
    usual = {"dense": (), "decay_u": (1.0,) * 3, "decay_v": (0.0,) * 3, "classes": 10}
    return ConvNetSettings((2, 34, 34), channels=(3, 4), **usual | settings)


@pytest.mark.parametrize(
    ("settings", "sides"),
    [({}, [8, 8]), ({"strides": (2, 2)}, [2, 2]), ({"strides": (2, 2), "pools": (1, 1)}, [9, 9])],
)
def test_sides_of_a_convnet_are_those_that_its_layers_give(settings, sides):
    settings = convnet(**settings, readout=True, decay_u=(1.0,) * 2, decay_v=(0.0,) * 2)
    assert settings.sides() == sides
    net = ConvNet(settings)
    assert net.dense1.in_features == 4 * sides[0] * sides[1]
    assert unroll(net, torch.zeros(2, 1, 2, 34, 34)).shape == (2, 1, 10)
    assert isinstance(net.output, Readout)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "input_shape = [2, 34, 34] cannot be halved 2 times, once per convolution"),
        ({"pools": (2,)}, "channels = [3, 4] and pools = [2] are not one value for each conv"),
        ({"strides": (2, 1, 1)}, "channels = [3, 4] and strides = [2, 1, 1] are not one value"),
        ({"pools": (9, 9)}, "(stride, pool) = [(1, 9), (1, 9)] leave no square"),
        ({"readout": True}, "decay_u has 3 values, not one for each of 2 spiking layers"),
    ],
)
def test_a_convnet_that_does_not_fit_its_images_is_refused(settings, problem):
    assert any(problem in found for found in convnet(**settings).problems())


def test_a_readout_takes_the_place_of_the_output_spikes_of_a_residual_net():
    settings = ResidualNetSettings(
        Shortcut.MEMBRANE, Pooling.AVERAGE, (1, 8, 8), 10, (3,), 1, 2, readout=True
    )
    net = ResidualNet(settings)
    assert isinstance(net.output, Readout)
    assert net.output.norm is not None
