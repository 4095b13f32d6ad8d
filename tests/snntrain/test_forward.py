"""Gradient checkpointing and mixed precision change memory and time, not what is learned."""

import pytest
import torch
from torch import nn

from snntrain import Checkpoint, Delay, Recipe, Spiking, fit, recorded, spiking_layers, unroll
from snntrain._forward import blocks, computed
from snntrain.recipe import TrainSettings

PLAIN = TrainSettings(steps=4, epochs=1, batch_size=2, learning_rate=0.1)
CPU = torch.device("cpu")


def settings(tiny_text, extra):
    return Recipe.from_text(tiny_text + extra + "\n", "tiny").train


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.bn = nn.BatchNorm1d(width)
        self.drop = nn.Dropout(0.25)
        self.delay = Delay(1)
        self.spike = Spiking(width, decay_u=0.5, decay_v=0.2)

    def forward(self, x):
        return self.spike(self.drop(self.bn(self.dense(self.delay(x))))) + x


def network(depth=4, width=16):
    torch.manual_seed(3)
    return nn.Sequential(*(Block(width) for _ in range(depth)), nn.Linear(width, 4)).train()


def gradients(module, sequence, setting):
    """Return gradients and buffers after a pass with a penalty on recorded spikes."""
    module.zero_grad()
    torch.manual_seed(11)
    with computed(module, setting, CPU):
        with recorded(module) as spikes:
            outputs = unroll(module, sequence)
        loss = outputs.square().mean() + sum(s.mean() for s in spikes.values())
        loss.backward()
    tensors = {name: p.grad.clone() for name, p in module.named_parameters()}
    return tensors | {name: b.clone() for name, b in module.named_buffers()}


def test_checkpointed_gradients_and_statistics_are_those_of_plain_training_bit_for_bit(tiny_text):
    sequence = torch.randn(5, 6, 16, generator=torch.Generator().manual_seed(1))
    plain = gradients(network(), sequence, PLAIN)
    again = gradients(network(), sequence, settings(tiny_text, "checkpointing = true"))
    assert plain.keys() == again.keys()
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def test_checkpointing_keeps_less_of_a_deep_network(tiny_text):
    def kept(setting):
        module, sizes = network(depth=12, width=32), {}

        def pack(tensor):
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with (
            computed(module, setting, CPU),
            torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        ):
            outputs = unroll(module, torch.rand(20, 8, 32))
        del outputs
        return sum(sizes.values())

    assert kept(settings(tiny_text, "checkpointing = true")) < kept(PLAIN) / 4


def test_a_checkpointed_recipe_gives_the_same_checkpoint_tensors(tiny_text, trained):
    again = fit(Recipe.from_text(tiny_text + "checkpointing = true\n", "tiny"))
    assert all(torch.equal(again.state[name], t) for name, t in trained.state.items())


@pytest.mark.filterwarnings("ignore::snntrain._watch.SpikeportWarning")
def test_channels_last_learns_the_same_but_for_rounding_and_is_saved_row_by_row(
    wide_text, tmp_path
):
    plain = fit(Recipe.from_text(wide_text, "tiny"))
    again = fit(Recipe.from_text(wide_text + "channels_last = true\n", "tiny"), out=tmp_path)
    assert not again.state["conv2.weight"].is_contiguous()
    for name, tensor in plain.state.items():  # sums round in another order, and spikes may tip over
        torch.testing.assert_close(again.state[name], tensor, rtol=0.1, atol=0.05)
    again.save(tmp_path / "checkpoint.safetensors")
    loaded = Checkpoint.load(tmp_path / "checkpoint.safetensors")
    assert all(torch.equal(loaded.state[name], t) for name, t in again.state.items())


def test_blocks_are_the_outermost_parts_with_neurons_and_sequences_are_opened():
    module = nn.ModuleDict(
        {
            "stem": nn.Linear(2, 2),
            "body": nn.Sequential(Block(2), nn.Sequential(Block(2), nn.ReLU())),
            "list": nn.ModuleList([Spiking(2)]),
            "spike": Spiking(2),
        }
    )
    names = {part: name for name, part in module.named_modules()}
    assert [names[b] for b in blocks(module)] == ["body.0", "body.1.0", "list.0", "spike"]


def test_nothing_of_a_network_is_replaced_afterwards(tiny_text):
    module = network()
    both = settings(tiny_text, 'checkpointing = true\nprecision = "bfloat16"')
    with computed(module, both, CPU):
        assert all("forward" in vars(part) for part in [module, *blocks(module)])
    assert not any("forward" in vars(part) for part in module.modules())


def test_synapses_are_computed_in_bfloat16_and_neurons_in_float32(tiny_text):
    module = network()
    seen = {}
    for name, layer in module.named_modules():
        layer.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: out.dtype}))
    with computed(module, settings(tiny_text, 'precision = "bfloat16"'), CPU):
        unroll(module, torch.rand(3, 4, 16)).sum().backward()
    assert seen["0.dense"] == torch.bfloat16
    assert {seen[name] for name in spiking_layers(module)} == {torch.float32}
    assert {p.grad.dtype for p in module.parameters()} == {torch.float32}


def test_a_state_stays_in_float32_without_a_norm_too():
    layer = Spiking(2, norm=False)
    with torch.autocast("cpu", torch.bfloat16):
        # 256 + 1 is 256 in bfloat16; the threshold is crossed by the last step alone
        layer.threshold = 260.5
        x = torch.tensor([256.0, 1, 1, 1, 1, 1]).bfloat16().view(6, 1, 1).expand(6, 1, 2)
        assert unroll(layer, x)[:, 0, 0].tolist() == [0, 0, 0, 0, 0, 1]


def test_a_recipe_in_bfloat16_learns_what_float32_learns(tiny_text):
    losses = {}
    for precision in ("float32", "bfloat16"):
        seen = []
        text = tiny_text.replace("epochs = 3", "epochs = 8") + f'precision = "{precision}"\n'
        fit(Recipe.from_text(text, "tiny"), log=[seen.append])
        losses[precision] = [entry.values["loss"] for entry in seen]
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"][-1] == pytest.approx(losses["float32"][-1], abs=0.1)
