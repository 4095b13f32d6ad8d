"""Training warns of idle layers and stops before a broken number spoils the weights."""

import warnings
from dataclasses import replace

import pytest
import torch

from snntrain import Recipe, fit
from snntrain._watch import DivergedError, SpikeportWarning, warn_of_idle
from snntrain.rules.surrogate import SurrogateGradient


@pytest.fixture
def dense(tiny_text):
    """A recipe without norms, for a given threshold."""

    def recipe(threshold):
        head, _, tail = tiny_text.partition("kind =")
        net = (
            f'kind = "dense"\ninput_shape = [1, 8, 8]\nclasses = 10\nhidden = [8]\n'
            f"decay_u = 1.0\ndecay_v = 0.0\nthreshold = {threshold}\nreadout = true\n"
        )
        return Recipe.from_text(head + net + tail[tail.index("\n[train]") :], "dense")

    return recipe


def test_a_silent_layer_is_named_at_the_first_update_and_after_the_first_epoch(dense):
    with pytest.warns(SpikeportWarning) as caught:
        fit(dense(1e6))
    messages = [str(w.message) for w in caught]
    assert messages[0].startswith("update 1: no neuron of spike1 fired; lower its threshold")
    assert messages[1].startswith("validation after epoch 1: no neuron of spike1 fired")
    assert len(messages) == 2


def test_a_network_that_works_is_not_warned_of(tiny):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(tiny)


def test_layers_that_always_fire_are_named_and_others_are_not():
    with pytest.warns(SpikeportWarning, match="every neuron of a, c fired in every step"):
        warn_of_idle({"a": 1.0, "b": 0.999, "c": 1.0, "d": 0.001}, "here")


def spoiled(monkeypatch, update, spoil):
    """Let ``spoil`` change the network after the gradients of update number ``update``."""
    plain, done = SurrogateGradient.backward, []

    def backward(self, module, batch, objective):
        step = plain(self, module, batch, objective)
        done.append(step)
        return spoil(module, step) or step if len(done) == update else step

    monkeypatch.setattr(SurrogateGradient, "backward", backward)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_broken_gradient_is_named_with_its_update_and_never_reaches_the_saved_weights(
    tiny_text, tmp_path, monkeypatch, value
):
    recipe = Recipe.from_text(tiny_text + "save_every = 1\n", "tiny")

    def spoil(module, step):
        module.conv1.weight.grad.view(-1)[2] = value

    spoiled(monkeypatch, 6, spoil)
    entries = []
    with pytest.raises(DivergedError, match=r"update 6 \(epoch 2\): the gradient of conv1.weight"):
        fit(recipe, out=tmp_path, log=[entries.append])
    assert [entry.update for entry in entries] == [1, 2, 3, 4, 5]
    monkeypatch.undo()
    resumed = fit(recipe, out=tmp_path, resume=True)
    assert resumed.to_bytes() == fit(recipe).to_bytes()


def test_a_loss_that_is_not_finite_stops_training_too(tiny, monkeypatch):
    spoiled(monkeypatch, 2, lambda _, step: step._replace(loss=torch.tensor(float("inf"))))
    with pytest.raises(DivergedError, match=r"update 2 .*the loss"):
        fit(tiny)


def test_an_output_that_overflows_is_named(tiny, trained):
    huge = {**trained.state, "dense1.weight": trained.state["dense1.weight"].sign() * 3e38}
    with pytest.raises(DivergedError, match="the output of dense1 is not finite"):
        fit(tiny, init=replace(trained, state=huge))


def test_clipped_gradients_have_the_norm_asked_for(tiny_text, monkeypatch):
    norms = []
    plain = torch.optim.AdamW.step

    def step(self, *arguments):
        gradients = [p.grad.flatten() for group in self.param_groups for p in group["params"]]
        norms.append(torch.cat(gradients).norm().item())
        return plain(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    entries = []
    fit(Recipe.from_text(tiny_text + "clip_norm = 0.4\n", "tiny"), log=[entries.append])
    before = [entry.values["gradient_norm"] for entry in entries]
    assert max(before) > 0.4
    assert norms == pytest.approx([min(0.4, norm) for norm in before], rel=1e-4)
