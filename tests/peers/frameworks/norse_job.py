"""Run by a Python with Norse 1.1.0: ``norse_job.py neurons|networks|exchange`` prints JSON."""

import json
import sys

import nir
import norse.torch as snn
import torch
from norse.torch.functional.reset import reset_subtract
from peers.frameworks.judging import (
    Trained,
    answers_of,
    digits,
    distance,
    exchanged,
    figures,
    left_behind,
)
from torch import nn

from snnexport import capture
from snnexport.interpret import interpret

STEPS = 24
SPLIT = "test"
SHARPNESS = 20.0
"""Of the classes' probabilities in training: what a spike in every step adds to a logit."""
DYADIC = {"tau_mem_inv": 0.5, "v_th": [0.5, 0.75, 1.0, 1.5, 2.0], "v_leak": 0.25, "v_reset": 0.25}
ODD = {"tau_mem_inv": [0.1, 0.9, 0.37, 1.0, 0.5], "v_th": 0.83, "v_leak": -0.3, "v_reset": -0.3}


def every_neuron():
    """Yield chains that end in 5 neurons, with numbers that float64 holds and with others."""
    for numbers, kind in ((DYADIC, torch.float64), (ODD, torch.float32)):
        given = {name: torch.tensor(value, dtype=kind) for name, value in numbers.items()}
        memory = {"tau_mem_inv": given["tau_mem_inv"]}
        synapse = {"tau_syn_inv": torch.tensor(0.25 if kind == torch.float64 else 0.23)}
        resting = {**memory, "v_th": given["v_th"], "reset_method": reset_subtract}
        lif = snn.LIFParameters(**given, **synapse)
        li = snn.LIParameters(**memory, **synapse)
        cells = [
            snn.LIFBoxCell(snn.LIFBoxParameters(**given), dt=1.0),
            snn.LIFBoxCell(snn.LIFBoxParameters(**resting), dt=1.0),
            snn.LIFCell(lif, dt=1.0),
            snn.IAFCell(snn.IAFParameters(given["v_th"], given["v_reset"]), dt=1.0),
            snn.LIBoxCell(snn.LIBoxParameters(**memory), dt=1.0),
            snn.LICell(li, dt=1.0),
            snn.LILinearCell(5, 5, li, dt=1.0),
            snn.LIFRecurrentCell(5, 5, lif, dt=1.0),
            snn.LIFRecurrentCell(5, 5, lif, autapses=True, dt=1.0),
        ]
        for cell in cells:
            for weight in cell.parameters():
                weight.data = (4 * weight.data).round().to(kind) / 4
            yield snn.SequentialState(cell), kind
        first, loop = snn.Lift(nn.Identity()), snn.LIFRecurrent(5, 5, lif, dt=1.0)
        last = snn.IAF(snn.IAFParameters(given["v_th"], given["v_reset"]), dt=1.0)
        yield snn.SequentialState(first, loop, last).to(kind), kind


def compared(network, kind):
    """Return how a network and what it is captured as differ on random input from rest."""
    x = torch.randint(-8, 12, (120, 4, 5)).to(kind) / 4
    if kind == torch.float32:
        x += 0.1 * torch.randn_like(x)
    graph = capture(network, x, checked=False)
    found = interpret(graph, x.numpy())
    answers, voltages = answered(network, x)
    p = network[-1].p
    rest = number(p, "v_reset", 0.0)
    subtracts = getattr(p, "reset_method", None) is reset_subtract
    threshold = number(p, "v_th", torch.inf) - (0.0 if subtracts else rest)
    return {
        "layer": type(network[-1]).__name__,
        "exact": kind == torch.float64,
        "fired": float((answers != 0).mean()),
        "touched": int((found.voltages[graph.output] == threshold).sum()),
        "answers": distance(answers_of(graph, found), answers),
        "voltage": distance(left_behind(graph, found)[-len(voltages) :], voltages - rest),
    }


def number(parameters, name, default):
    """Return a parameter as an array, ``default`` where there is none."""
    return torch.as_tensor(getattr(parameters, name, default)).detach().numpy()


def answered(network, x):
    """Return what a network answers to ``x`` (T, B, n), and v of its last cell: (T, B, n).

    Of a network over time, v after the last step alone is known.
    """
    states, answers, voltages = None, [], []
    with torch.no_grad():
        if isinstance(network[0], snn.Lift):
            answer, states = network(x)
            return answer.numpy(), states[-1].v[None].numpy()
        for frame in x:
            answer, states = network(frame, states)
            answers.append(answer)
            voltages.append(states[-1].v)
    return torch.stack(answers).numpy(), torch.stack(voltages).numpy()


def over_time():
    """Return a network that takes all steps at once and is read by its voltages."""
    fast = snn.LIFParameters(tau_mem_inv=torch.tensor(200.0), v_th=torch.tensor(0.5))
    return snn.SequentialState(
        snn.Lift(nn.Conv2d(1, 8, 3, padding=1)),
        snn.LIF(fast),
        snn.Lift(nn.AvgPool2d(2)),
        nn.Flatten(2),
        nn.Linear(128, 10),
        snn.LI(),
    )


class Recurrent(nn.Module):
    """Computes one step a call, and is handed its states."""

    def __init__(self):
        super().__init__()
        own = {"tau_mem_inv": torch.tensor(200.0), "alpha": torch.tensor(10.0)}
        self.hidden = snn.LIFRecurrentCell(64, 64, snn.LIFParameters(**own))
        self.hidden.recurrent_weights.data *= 0.2
        self.hidden.input_weights.data *= 0.2
        box = snn.LIFBoxParameters(**own, v_th=torch.tensor(0.5))
        self.out = snn.SequentialState(nn.Linear(64, 10, bias=False), snn.LIFBoxCell(box))

    def forward(self, x, state=None):
        """Answer one step: spikes (B, 10), and the states."""
        hidden, out = (None, None) if state is None else state
        spikes, hidden = self.hidden(x, hidden)
        spikes, out = self.out(spikes, out)
        return spikes, [hidden, out]


def dense():
    """Return a network that ``to_nir`` can write: a value per neuron, and no Flatten or pooling."""
    hidden, out = torch.ones(64), torch.ones(10)
    own = {"tau_mem_inv": 200 * hidden, "v_th": 0.5 * hidden, "v_leak": 0 * hidden}
    lif = snn.LIFParameters(tau_syn_inv=200 * hidden, **own)
    box = snn.LIFBoxParameters(tau_mem_inv=200 * out, v_th=0.3 * out, v_leak=0 * out)
    layers = nn.Linear(64, 64), snn.LIFCell(lif), nn.Linear(64, 10), snn.LIFBoxCell(box)
    return snn.SequentialState(*layers)


def stepwise(network, frames):
    """Return what a network of one step answers over time."""
    state, answers = None, []
    for frame in frames:
        answer, state = network(frame, state)
        answers.append(answer)
    return torch.stack(answers)


def trained(name, network, answers, prepare, epochs):
    """Train ``network`` on digits; return it with what it answers to the judged split."""
    frames, labels = digits("train", STEPS)
    frames = prepare(frames)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            sums = answers(network, frames[:, batch]).mean(0)
            nn.functional.cross_entropy(SHARPNESS * sums, labels[batch]).backward()
            optimizer.step()
    test, wanted = digits(SPLIT, STEPS)
    test = prepare(test)
    with torch.no_grad():
        outputs = answers(network, test).numpy()
    return Trained(name, network, frames.numpy(), test.numpy(), wanted.numpy(), outputs)


def main():
    """Print what the first argument asks for."""
    torch.manual_seed(0)
    if sys.argv[1] == "neurons":
        found = [compared(*case) for case in every_neuron()]
    elif sys.argv[1] == "exchange":
        one = trained("dense", dense(), stepwise, lambda x: x.flatten(2), 4)
        nir.write(sys.argv[2], snn.to_nir(one.step, torch.zeros(64)))
        found = exchanged(one, sys.argv[2], "norse-export")
    else:
        several = [
            trained("over-time", over_time(), lambda m, x: m(x)[0], lambda x: x, 6),
            trained("recurrent", Recurrent(), stepwise, lambda x: x.flatten(2), 6),
        ]
        found = [figures(network) for network in several]
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
