"""onnxruntime as an independent judge: it runs a program's file and knows nothing of hwsim."""

from __future__ import annotations

import numpy as np

from hwsim.errors import MissingExtraError
from hwsim.program import Program
from hwsim.simulate import check_input
from hwsim.trace import Trace


def run(program: Program, spikes: np.ndarray, *, steps: int | None = None) -> Trace:
    """Return spikes, activations and state of every population, as onnxruntime computes them.

    Parameters
    ----------
    program
        The network; its file is what runs.
    spikes
        Integers (T, B, *input shape).
    steps
        Machine steps; by default T plus the latency.
    """
    arrays, _ = run_file(program.to_bytes(), program, spikes, steps)
    return Trace.of_arrays(arrays)


def run_file(
    content: bytes, program: Program, spikes: np.ndarray, steps: int | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Run the model in ``content``; return its trace arrays and its synops (steps, B)."""
    check_input(program, spikes)
    steps = len(spikes) + program.latency if steps is None else steps
    sent, first = np.zeros((steps, *spikes.shape[1:]), np.int32), program.gap
    sent[first : first + len(spikes)] = spikes[: max(steps - first, 0)]
    session = _session(content)
    names = [output.name for output in session.get_outputs()]
    values = session.run(names, {f"{program.input.name}/spikes": sent})
    outputs = {name: np.asarray(value) for name, value in zip(names, values, strict=True)}
    synops = {n.removesuffix("/synops"): v for n, v in outputs.items() if n.endswith("/synops")}
    return {n: v for n, v in outputs.items() if not n.endswith("/synops")}, synops


def _session(content: bytes):
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError(
            "onnxruntime is not installed", hint="pip install 'spikeport[export]'"
        ) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
