"""Runs a netx file on lava-dl 0.6.0: each layer's messages, and on request its state, are kept.

    python job JOB.json IN.npy OUT.npz

IN.npy: integers (T, B, *input shape). JOB.json: "file", the .net; "network", arguments of
hdf5.Network; "layers", a list of [states, type of the messages]; "state", whether to keep states;
"steps"; "probe", the folder with probe/recorder.py. OUT.npz holds "<k>/spikes" of layer k, int8 or
int32 (steps, B, *shape), and with "state" "<k>/a", what arrived there, and each state by name.
Needs Python 3.10, lava-dl 0.6.0 and nothing of spikeport.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
from lava.lib.dl.netx.blocks.process import Input
from lava.lib.dl.netx.hdf5 import Network
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.source import RingBuffer
from lava.proc.lif.process import LIF, LIFReset


def connect_source(network, frames: np.ndarray, steps: int):
    """Send ``frames`` (T, *shape), frame f in step f + 1, and return the source.

    lava-dl leaves the input of a layer of input neurons unconnected: they are fed directly, one
    step later, which is when a synapse would feed them. lava-dl's users write the values into
    the bias of a LIF instead, which no decay of u filters.
    """
    first = network.layers[0]
    late = int(isinstance(first, Input))
    if late and isinstance(first.neuron, (LIF, LIFReset)):
        first.neuron.du.init = 4095
    port = first.neuron.a_in if late else network.inp
    whole = len(port.shape) > 1
    data = np.zeros((*port.shape, steps), np.int32)
    frames = frames[: max(steps - late, 0)]
    data[..., late : late + len(frames)] = frames.T if whole else frames.reshape(len(frames), -1).T
    source = RingBuffer(data=data)
    source.s_out.connect(port)
    return source


def record(network, source, job: dict, folder: Path) -> None:
    """Attach a recorder to every layer; they write into ``folder`` in the last step."""
    from probe.recorder import Recorder, StateRecorder

    for index, (layer, (states, messages)) in enumerate(
        zip(network.layers, job["layers"], strict=True)
    ):
        recorder = (StateRecorder if job["state"] else Recorder)(
            shape=layer.neuron.s_out.shape,
            steps=job["steps"],
            path=str(folder / str(index)),
            messages=messages,
            states=tuple(states),
        )
        layer.neuron.s_out.connect(recorder.spikes)
        if job["state"]:
            arriving = [getattr(layer, name, None) for name in ("synapse", "synapse_rec")]
            for port in [s.a_out for s in arriving if s is not None] or [source.s_out]:
                port.connect(recorder.a)
            for port, state in zip(recorder.ports, states, strict=False):
                port.connect_var(getattr(layer.neuron, state))


def advance(network, steps: int, report) -> None:
    """Run ``steps`` time steps, in pieces of about a second, then stop Lava."""
    config = Loihi2SimCfg(select_tag="fixed_pt")  # without the tag Lava takes its float models
    done, piece = 0, 1
    try:
        while done < steps:
            piece, start = min(piece, steps - done), time.monotonic()
            network.run(condition=RunSteps(num_steps=piece), run_cfg=config)
            done += piece
            piece = 2 * piece if time.monotonic() - start < 0.5 else max(1, piece // 2)
            report(done)
    finally:
        if network.runtime is not None:
            network.runtime.stop()  # without it, Lava leaves its shared memory behind


def run(column: np.ndarray, job: dict, report) -> dict[str, np.ndarray]:
    """Run a fresh network on ``column`` (T, *shape) and return its recordings."""
    network = Network(job["file"], **job["network"])
    source = connect_source(network, column, job["steps"])
    with tempfile.TemporaryDirectory() as folder:
        record(network, source, job, Path(folder))
        advance(network, job["steps"], report)
        found = {}
        for index, (states, _) in enumerate(job["layers"]):
            for kind in ("spikes", "a", *states) if job["state"] else ("spikes",):
                kept = np.load(Path(folder, f"{index}.{kind}.npy"))
                found[f"{index}/{kind}"] = kept.transpose(0, *range(kept.ndim - 1, 0, -1))
    return found


def main() -> None:
    """Run all columns, printing the steps done on the way."""
    job, source, result = (Path(argument) for argument in sys.argv[1:])
    job, spikes = json.loads(job.read_text()), np.load(source)
    sys.path.insert(0, job["probe"])
    runs: list[dict[str, np.ndarray]] = []

    def report(done: int) -> None:
        steps, columns = job["steps"], spikes.shape[1]
        print(f"step {len(runs) * steps + done} of {columns * steps}", flush=True)  # noqa: T201

    report(0)
    for column in range(spikes.shape[1]):
        runs.append(run(spikes[:, column], job, report))
    part = result.with_suffix(".part")
    with part.open("wb") as file:
        arrays: dict[str, Any] = {name: np.stack([r[name] for r in runs], 1) for name in runs[0]}
        np.savez_compressed(file, **arrays)
    part.replace(result)


if __name__ == "__main__":
    try:
        main()
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)  # everything is written, and lava-dl's own processes may never end
