"""Run every command with the core dependencies alone: what works, and what names its extra.

python tests/installed.py    # in any environment that has nothing more; cibuildwheel runs it
"""

import os
import sys
import tempfile
from pathlib import Path

import click
import numpy as np
from command import call, refused

import hwsim
from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program
from snnexport.shipped import shipped_checkpoint

WORKS = (
    "--version",
    "--help",
    "chips",
    "chips loihi1",
    "completion bash",
    "inspect p.onnx",
    "check p.onnx",
    "simulate p.onnx --spikes in.npy --report a.json --trace t.npz --html a.html",
    "simulate p.onnx --spikes in.npy --engine reference",
    "verify p.onnx --spikes in.npy --against reference,native",
    "report a.json",
    "report p.onnx --trace t.npz",
    "diff a.json a.json",
)
REFUSED = (
    ("train {model}/recipe.toml --out out", "train"),
    ("evaluate {model}/checkpoint.safetensors", "train"),
    ("sweep {model}/recipe.toml --space space.toml --trials 1", "train"),
    ("simulate p.onnx --data digits:test", "train"),
    ("simulate p.onnx --spikes in.npy --engine torch", "train"),
    ("inspect {model}/checkpoint.safetensors", "export"),
    ("check {model}/checkpoint.safetensors", "export"),
    ("export {model}/checkpoint.safetensors -o out", "export"),
    ("convert network.net -o out.onnx", "export"),
    ("convert network.nir -o out.onnx", "export"),
    ("inspect network.net", "export"),
    ("inspect network.nir", "export"),
    ("verify p.onnx --spikes in.npy", "export"),
    ("verify p.onnx --spikes in.npy --against lava", "export"),
    ("verify p.onnx --checkpoint {model}/checkpoint.safetensors", "export"),
    ("demo", "export"),
)
"""Commands, and the extra that their one message names: all that the command needs is in it."""


def main() -> None:
    """Go through the commands in an empty folder, with a network and input of its own."""
    model = shipped_checkpoint("digits-conv").parent
    os.chdir(tempfile.mkdtemp())
    os.environ["PATH"] = ""  # the system may have a uv, which would go on to run Lava
    rng = np.random.default_rng(0)
    _program(rng).save(Path("p.onnx"))
    np.save("in.npy", rng.integers(0, 2, (6, 3, 1, 6, 6)))
    for name in ("network.net", "network.nir", "space.toml"):
        Path(name).touch()
    for line in WORKS:
        click.echo(f"spikeport {line}")
        done = call(*line.split())
        assert done.exit_code == 0, f"{done.output}{done.exception!r}"
    for line, extra in REFUSED:
        click.echo(f"spikeport {line}: needs {extra}")
        refused(call(*line.format(model=model).split()), f"pip install 'spikeport[{extra}]'")
    click.echo(f"{Path(hwsim.__file__).parent}, Python {sys.version.split()[0]}: all as it should")


def _program(rng: np.random.Generator) -> Program:
    """Return a convolution and a dense layer that fire, 6 steps a sample."""
    neuron = Cuba.leaky(decay_v=400, threshold=64 * 60)
    kernels = 2 * rng.integers(-20, 40, (4, 1, 3, 3))
    return Program(
        name="small", chip="loihi1", input=Input("in", (1, 6, 6)),
        populations=(
            Population("conv", (4, 6, 6), neuron, latency=1),
            Population("out", (5,), neuron, latency=2),
        ),
        connections=(
            Connection("in", "conv", Conv2d(kernels, padding=(1, 1))),
            Connection("conv", "out", Dense(2 * rng.integers(-20, 30, (5, 144)))),
        ),
        output="out", period=6,
    )  # fmt: skip


if __name__ == "__main__":
    main()
