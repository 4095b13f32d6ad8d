"""Run by a Python with SpikingJelly 2.0.0; prints JSON of what ``main`` is asked for."""

import itertools
import json
import sys

import numpy as np
import torch
from peers.frameworks.judging import (
    Trained,
    answers_of,
    digits,
    distance,
    exchanged,
    figures,
    left_behind,
)
from peers.spikingjelly_nets import NEURONS, network  # first: it mends torchvision's import
from spikingjelly.activation_based import functional, layer, neuron, nir_exchange, surrogate
from spikingjelly.activation_based.model.parametric_lif_net import DVSGestureNet
from torch import nn

from snnexport import capture
from snnexport.interpret import interpret

STEPS = 16
SPLIT = "test"
DYADIC = {"v_threshold": 1.25, "tau": 2.0}
ODD = {"v_threshold": 0.83, "tau": 3.7}
RESETS = (None, 0.0, -0.25, 0.5)


def every_neuron():
    """Yield layers of neurons, and whether their numbers are exact in float64."""
    for numbers, reset in itertools.product((DYADIC, ODD), RESETS):
        exact, tau = numbers is DYADIC, numbers["tau"]
        rest = {"v_threshold": numbers["v_threshold"], "v_reset": reset}
        yield neuron.IFNode(**rest), exact
        yield neuron.LIFNode(tau=tau, **rest), exact
        yield neuron.LIFNode(tau=tau, decay_input=False, **rest), exact
        yield neuron.ParametricLIFNode(init_tau=tau, **rest), exact
        yield neuron.ParametricLIFNode(init_tau=tau, decay_input=False, **rest), exact
        yield neuron.CUBALIFNode(0.5, 0.75, **rest), exact
    for numbers in (DYADIC, ODD):
        exact, threshold = numbers is DYADIC, numbers["v_threshold"]
        inner = neuron.LIFNode(tau=numbers["tau"], v_threshold=threshold / 4)
        back = layer.LinearRecurrentContainer(inner, 5, 5)
        if exact:
            for parameter in back.rc.parameters():
                parameter.data = (4 * parameter.data).round() / 4
        yield back, exact
        inner = neuron.LIFNode(tau=numbers["tau"], v_threshold=threshold, v_reset=None)
        yield layer.ElementWiseRecurrentContainer(inner, lambda x, y: x + y), exact
        yield neuron.NonSpikingIFNode(), exact
        yield neuron.NonSpikingLIFNode(numbers["tau"]), exact


def compared(node, exact):
    """Return how a layer and what it is captured as differ on random input from rest."""
    x = torch.randint(-8, 12, (120, 4, 5)) / 4.0
    if exact:
        x, node = x.double(), node.double()
    else:
        x += 0.1 * torch.randn_like(x)
    graph = capture(nn.Sequential(node), x, checked=False)
    found = interpret(graph, x.numpy())
    answers, voltages = answered(node, x)
    inner = getattr(node, "sub_module", node)
    rest = getattr(inner, "v_reset", None) or 0.0
    threshold = getattr(inner, "v_threshold", np.inf) - rest
    return {
        "layer": f"{type(node).__name__} {type(inner).__name__} {rest}",
        "exact": exact,
        "fired": float((answers != 0).mean()),
        "touched": int((found.voltages[graph.output] == threshold).sum()),
        "answers": distance(answers_of(graph, found), answers),
        "voltage": distance(left_behind(graph, found), voltages - rest),
    }


def answered(node, x):
    """Return what a layer answers to ``x`` (T, B, n), and its v after every step."""
    with torch.no_grad():
        if isinstance(node, neuron.NonSpikingBaseNode):
            answers = torch.stack(node(x)).numpy()
            return answers, answers
        functional.reset_net(node)
        inner = getattr(node, "sub_module", node)
        steps = [(node(frame), inner.v) for frame in x]
    answers, voltages = zip(*steps, strict=True)
    return torch.stack(answers).numpy(), torch.stack(voltages).numpy()


def supplied():
    """Return how networks that SpikingJelly comes with differ from what they are captured as."""
    deep = {"sew_resnet18": "ADD", "spiking_resnet18": ""}
    found = [(network(name, cnf), (3, 32, 32)) for name, cnf in deep.items()]
    found.append((DVSGestureNet(channels=8, **NEURONS), (2, 128, 128)))
    return [same_answers(module, torch.rand(3, 1, *shape)) for module, shape in found]


def same_answers(module, frames):
    """Return how ``module`` and what it is captured as answer to ``frames`` (T, B, *shape)."""
    functional.set_step_mode(module.eval(), "m")
    for part in module.modules():  # so that deep layers fire
        if isinstance(part, nn.BatchNorm2d):
            part.running_var.fill_(0.05)
            part.bias.data.fill_(0.2)
        if isinstance(part, nn.Linear):
            part.weight.data *= 4
    with torch.no_grad():
        expected = answers(module, frames).numpy()
    graph = capture(module, frames, checked=False)
    return {
        "network": type(module).__name__,
        "varied": float((expected != expected[0]).mean()),
        "answers": distance(answers_of(graph, interpret(graph, frames.numpy())), expected),
    }


def integrating():
    """Return a network of step mode "m" without biases, as a chip computes it exactly."""
    curve, first = surrogate.ATan(), layer.Conv2d(1, 8, 3, padding=1, bias=False)
    first.weight.data /= 8  # pixels are 0..16, curves as wide as a threshold of 1
    return nn.Sequential(
        first,
        neuron.IFNode(surrogate_function=curve),
        layer.MaxPool2d(2),
        layer.Flatten(),
        layer.Linear(128, 10, bias=False),
        neuron.IFNode(v_reset=None, surrogate_function=curve),
    )


def leaky():
    """Return a network of step mode "m" with leaks, normalisation and dropout."""
    curve = surrogate.ATan()
    return nn.Sequential(
        layer.SeqToANNContainer(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)),
        neuron.LIFNode(tau=2.0, surrogate_function=curve),
        layer.AvgPool2d(2),
        layer.Flatten(),
        layer.Dropout(0.2),
        layer.Linear(128, 10),
        neuron.ParametricLIFNode(init_tau=2.0, surrogate_function=curve),
    )


def plain():
    """Return a network that ``export_to_nir`` can write: average pooling, resets to a value."""
    return nn.Sequential(
        layer.Conv2d(1, 8, 3, padding=1),
        neuron.LIFNode(tau=2.0, v_reset=-0.5),
        layer.AvgPool2d(2),
        layer.Flatten(),
        layer.Linear(128, 32, bias=False),
        neuron.IFNode(),
        layer.Linear(32, 10, bias=False),
        neuron.ParametricLIFNode(init_tau=2.0, decay_input=False),
    )


def answers(module, frames):
    """Return what ``module`` answers to ``frames`` (T, B, *shape) from rest."""
    functional.reset_net(module)
    return module(frames)


def trained(name, module, epochs):
    """Train ``module`` on digits; return it with what it answers to the judged split."""
    functional.set_step_mode(module, "m")
    frames, labels = digits("train", STEPS)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            rates = answers(module, frames[:, batch]).mean(0)
            nn.functional.cross_entropy(4 * rates, labels[batch]).backward()
            optimizer.step()
    test, wanted = digits(SPLIT, STEPS)
    with torch.no_grad():
        outputs = answers(module.eval(), test).numpy()
    return Trained(name, module, frames.numpy(), test.numpy(), wanted.numpy(), outputs)


def main():
    """Print what the first argument asks for."""
    torch.manual_seed(0)
    if sys.argv[1] == "neurons":
        found = [compared(*case) for case in every_neuron()]
    elif sys.argv[1] == "supplied":
        found = supplied()
    elif sys.argv[1] == "exchange":
        one = trained("plain", plain(), 6)
        frame = torch.zeros(STEPS, 1, 1, 8, 8)
        nir_exchange.export_to_nir(one.step, frame, save_path=sys.argv[2])
        found = exchanged(one, sys.argv[2], "spikingjelly")
    else:
        several = [trained("integrating", integrating(), 6), trained("leaky", leaky(), 6)]
        found = [figures(one) for one in several]
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
