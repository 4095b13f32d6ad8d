"""Runs every network of networks.py through real Lava, writing tests/golden/lava (make golden)."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from pathlib import Path

import networks  # beside this file

from hwsim.files import write_atomic
from hwsim.trace import npz_bytes
from snnexport import lava
from snnexport.lava.python import find_uv, obtain_python

KINDS = ("/spikes", "/u", "/v")
FOLDER = Path(__file__).with_name("lava")
HEAD = """# Golden traces of real Lava

Each file holds a network (`structure`, `register/*`, `weight/*`), its input, and the spikes, u
and v of every population in every step as lava-nc {lava} computed them on Python {python} (NumPy
{numpy}, SciPy {scipy}, {machine}). The networks and their seeds are in `../networks.py`;
`../test_golden.py` replays the files with the reference engine.

Made by `python tests/golden/make_golden.py` (`make golden`). Never regenerate to get green.

| file | network | steps x samples | sha256 |
|---|---|---|---|
"""


def versions() -> dict[str, str]:
    """Return the versions of what computed the traces."""
    ask = (
        "import platform, importlib.metadata as m;"
        "print(platform.python_version(), *map(m.version, ('lava-nc', 'numpy', 'scipy')))"
    )
    uv, python = find_uv(), obtain_python(300)
    flags = ["--quiet", "--no-project", "--python", python, "--with", "lava-nc==0.10.0,numpy<2"]
    found = subprocess.run(
        [uv, "run", *flags, "python", "-c", ask], capture_output=True, check=True
    )
    names = ("python", "lava", "numpy", "scipy")
    return dict(zip(names, found.stdout.decode().split(), strict=True))


def main() -> None:
    """Write every file, and the README with their hashes."""
    rows = []
    for number, (name, (build, steps, batch)) in enumerate(networks.CASES.items()):
        program = build()
        spikes = networks.frames(program, number, steps=steps, batch=batch)
        trace = lava.run(program, spikes, record="state").trace
        kept = {k: a for k, a in trace.arrays.items() if k.endswith(KINDS)}
        recorded = {f"trace/{key}": array for key, array in kept.items()}
        content = npz_bytes({**networks.pack(program), "input": spikes, **recorded})
        write_atomic(FOLDER / f"{name}.npz", content)
        sizes = ", ".join("x".join(map(str, p.shape)) for p in program.populations)
        length = next(iter(trace.spikes.values())).shape[0]
        digest = hashlib.sha256(content).hexdigest()
        rows.append(f"| {name}.npz | {sizes} | {length} x {batch} | `{digest}` |")
        print(f"{name}: {len(content)} bytes")  # noqa: T201
    head = HEAD.format(**versions(), machine=platform.machine())
    write_atomic(FOLDER / "README.md", head + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
