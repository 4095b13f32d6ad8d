"""Reads a NIR file with a framework's own importer and runs it: FRAMEWORK FILE.nir IN.npy OUT.npy.

Prints {"nodes": n}. IN and OUT are (T, B, *shape); a step is 1e-4 s where the importer asks.
"""

import json
import sys

import nir
import numpy as np
import torch

DT = 1e-4


def _stepped(net, frames):
    """Run a module that takes and returns its state."""
    state, sent = None, []
    for frame in frames:
        out, state = net(frame, state)
        sent.append(out[0] if isinstance(out, tuple) else out)
    return torch.stack(sent)


def snntorch(graph, frames):
    from snntorch.import_nir import import_from_nir

    return _stepped(import_from_nir(graph), frames)


def spikingjelly(graph, frames):
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    return _stepped(import_from_nir(graph, dt=DT), frames)


def norse(graph, frames):
    import norse.torch

    # its Flatten counts dims as NIR does, without a batch, so it can be given none
    net = norse.torch.from_nir(graph, dt=DT)
    return torch.stack([_stepped(net, sample) for sample in frames.unbind(1)], 1)


def sinabs(graph, frames):
    from sinabs.nir import from_nir

    steps, batch = frames.shape[:2]
    net = from_nir(graph, batch_size=batch)
    together = net(frames.swapaxes(0, 1).flatten(0, 1))
    together = together[0] if isinstance(together, tuple) else together
    return together.unflatten(0, (batch, steps)).swapaxes(0, 1)


if __name__ == "__main__":
    name, file, given, target = sys.argv[1:]
    read = nir.read(file)
    with torch.no_grad():
        answered = globals()[name](read, torch.as_tensor(np.load(given)).float())
    np.save(target, answered.numpy())
    sys.stdout.write(json.dumps({"nodes": len(read.nodes)}) + "\n")
