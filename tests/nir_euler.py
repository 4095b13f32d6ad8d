"""NIR's equations, stepped node by node with forward Euler: slow, and written from the paper.

Pedersen et al. 2024, arXiv 2311.14641, table 1. It shares no code with the reader it judges.
"""

import numpy as np
import torch
from torch.nn import functional


def stepped(nodes, edges, order, frames, dt, current="new"):
    """Return what leaves each node, by name, (T, *shape); ``frames`` (T, *shape) enter.

    nodes: fields by name, each with its "type". order: in which nodes see this step's values of
    others; what comes later in it is heard from the step before.
    """
    state, sent = {}, {name: [] for name in nodes}
    for t, frame in enumerate(frames):
        for name in order:
            sources = [a for a, b in edges if b == name]
            heard = [
                sent[s][t] if len(sent[s]) > t else (sent[s][t - 1] if t else 0.0) for s in sources
            ]
            x = frame if nodes[name]["type"] == "Input" else sum(heard)
            sent[name].append(_leaves(nodes[name], x, state.setdefault(name, {}), dt, current, t))
    return {name: np.stack(values) for name, values in sent.items()}


def _leaves(node, x, state, dt, current, t):
    kind = node["type"]
    if kind in ("Input", "Output"):
        return np.asarray(x, float)
    if kind in ("Affine", "Linear"):
        return node["weight"].astype(float) @ np.broadcast_to(
            x, node["weight"].shape[1]
        ) + node.get("bias", 0)
    if kind == "Scale":
        return x * node["scale"].astype(float)
    if kind == "Flatten":
        return np.ravel(x)
    if kind == "Conv1d":
        weight, bias = (torch.as_tensor(node[n].astype(float)) for n in ("weight", "bias"))
        sizes = [int(node[n]) for n in ("stride", "padding", "dilation", "groups")]
        return functional.conv1d(torch.as_tensor(x)[None], weight, bias, *sizes)[0].numpy()
    if kind == "Conv2d":
        weight, bias = (torch.as_tensor(node[n].astype(float)) for n in ("weight", "bias"))
        sizes = [tuple(np.atleast_1d(node[n]).tolist()) for n in ("stride", "padding", "dilation")]
        out = functional.conv2d(torch.as_tensor(x)[None], weight, bias, *sizes, int(node["groups"]))
        return out[0].numpy()
    if kind in ("SumPool2d", "AvgPool2d"):
        kernel, stride, padding = (
            tuple(node[n].tolist()) for n in ("kernel_size", "stride", "padding")
        )
        mean = functional.avg_pool2d(torch.as_tensor(x)[None], kernel, stride, padding)[0].numpy()
        return mean * (np.prod(kernel) if kind == "SumPool2d" else 1.0)
    if kind == "Delay":
        line = state.setdefault("line", [])
        line.append(x)
        late = np.rint(node["delay"] / dt).astype(int)
        past = [np.zeros_like(x)] * late.max() + line
        found = [past[t + late.max() - d].flat[i] for i, d in enumerate(late.flat)]
        return np.reshape(found, np.shape(x))
    return _neuron(node, x, state, dt, current)


def _neuron(node, x, state, dt, current):
    p = {name: np.asarray(v, float) for name, v in node.items() if name != "type"}
    if node["type"] == "Threshold":
        return (x > p["threshold"]).astype(float)
    shape = p["r"].shape
    v, i = state.get("v", np.zeros(shape)), state.get("i", np.zeros(shape))
    if "tau_syn" in p:
        before = i
        i = i + dt / p["tau_syn"] * (p["w_in"] * x - i)
        x = before if current == "old" else i
    if "tau" in p or "tau_mem" in p:
        v = v + dt / p.get("tau", p.get("tau_mem")) * (p["v_leak"] - v + p["r"] * x)
    else:
        v = v + dt * p["r"] * x
    if "v_threshold" not in p:
        state |= {"v": v, "i": i}
        return v
    fired = v > p["v_threshold"]
    state |= {"v": np.where(fired, p["v_reset"], v), "i": i}
    return fired.astype(float)
