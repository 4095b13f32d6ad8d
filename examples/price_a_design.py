"""A design before any training: a program made by hand, priced on two chips. Needs no torch.

python price_a_design.py prints energy and latency on each chip, and what the energy leaves out.
"""

import numpy as np

import hwsim
from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program

STEPS, SAMPLES, RATE = 20, 8, 0.05
CHIPS = {"loihi1": ["loihi1-2018", "loihi1-fitted"], "spinnaker2": ["spinnaker2-2019"]}


def design(rng: np.random.Generator) -> Program:
    """Return a convolution and a dense layer for event frames of two polarities.

    The weights are random: what a run costs depends on how often neurons fire, not on what
    they have learned.
    """
    kernel = 2 * rng.integers(-60, 90, (8, 2, 3, 3))  # where signs are mixed, weights are even
    matrix = 2 * rng.integers(-60, 70, (10, 8 * 16 * 16))
    conv = Cuba.leaky(decay_v=400, threshold=64 * 300)  # loses 400/4096 of its voltage a step
    answer = Cuba.leaky(decay_v=100, threshold=64 * 1000)
    return Program(
        name="events",
        chip="loihi1",
        input=Input("events", (2, 32, 32)),
        populations=(
            Population("conv", (8, 16, 16), conv, latency=1),
            Population("answer", (10,), answer, latency=2),
        ),
        connections=(
            Connection("events", "conv", Conv2d(kernel, stride=(2, 2), padding=(1, 1))),
            Connection("conv", "answer", Dense(matrix)),
        ),
        output="answer",
        period=STEPS,
    )


def main() -> None:
    """Send random events through the design, and price the run on each chip."""
    rng = np.random.default_rng(0)
    program = design(rng)
    events = (rng.random((STEPS, SAMPLES, *program.input.shape)) < RATE).astype(np.int8)
    run = hwsim.run(program, events, record="spikes")
    assert run.counts is not None  # only real Lava does not count
    ran = hwsim.Ran(events, run.counts, run.trace)
    for name, tables in CHIPS.items():
        report = hwsim.full_report(program, ran, hwsim.load_chip(name), prices=tables)
        each, energy = report.per_inference, report.per_inference.energy_uj
        print(f"{name}: {each.spikes:,.0f} spikes, {each.synops:,.0f} synaptic operations")
        print(f"  energy {energy.low:.3g} to {energy.high:.3g} uJ: {report.energy.covers}")
        for absent in report.energy.missing:
            print(f"  not in it: {absent}")


if __name__ == "__main__":
    main()
