"""Programs as SANA-FE runs them, and the same on our machine."""

import json
import subprocess
from dataclasses import replace

import numpy as np

import hwsim
from snnexport.formats.sanafe.groups import group_names
from snnexport.formats.sanafe.spiking import spiking, spiking_frames
from snnexport.formats.sanafe.write import NETWORK

STEPS, LOIHI1 = 24, hwsim.load_chip("loihi1")


def on_sanafe(python, root, folder, architecture):
    script, result = root / "benchmarks" / "peers" / "sanafe_run.py", folder / "result.json"
    command = [python, script, architecture, NETWORK, str(STEPS), result, "spikes"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1000:]
    return json.loads(result.read_text())


def some_frames(rng, program, high):
    frames = rng.integers(0, high + 1, (STEPS, 1, *program.input.shape))
    return frames * (rng.random(frames.shape) < 0.5)


def every_step(program, frames):
    """Run it as SANA-FE does, with windows that begin in step 1, so that all is counted."""
    sent = spiking(program)
    whole = replace(sent, populations=[replace(p, latency=0) for p in sent.populations])
    return hwsim.run(whole, spiking_frames(program, frames), record="spikes", steps=STEPS)


def spikes_of(program, frames, trace):
    """Every spike as SANA-FE lists them: the step, the group, the neuron."""
    names = group_names(program)
    sources = {program.input.name: frames, **trace.spikes}
    found = []
    for name, fired in sources.items():
        events = np.argwhere(fired[:, 0].reshape(len(fired), -1)).tolist()
        found += [(step + 1, names[name], neuron) for step, neuron in events]
    return sorted(found)
