"""Runs artefacts one after the other in this process: Python and Lava start once.

    python batch DONE FOLDER STATE STEPS NUMBER...

FOLDER/NUMBER holds network.py and in.npy, and gets out.npz; DONE is made at the end. STATE is 0 or
1, STEPS a number, or 0 for each network's default. A network that fails ends the process: what is
left of it in Lava is not to be trusted. Needs Python 3.10, lava-nc 0.10.0 and nothing of spikeport.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType

import threads
from lava.magma.compiler.compiler_graphs import ProcGroupDiGraphs


def remember_models() -> None:
    """Let Lava search the models of a Process class once.

    It executes every .py file beside the class, for each Process of each network: half the time
    of a small run.
    """
    search, found = ProcGroupDiGraphs._find_proc_models, {}

    def look_up(proc: object) -> list[type]:
        if type(proc) not in found:
            found[type(proc)] = search(proc)
        return list(found[type(proc)])

    ProcGroupDiGraphs._find_proc_models = staticmethod(look_up)


def load(path: Path) -> ModuleType:
    """Import one network.py; ``probe``, ``machine`` and ``hwsim`` are the same in all of them."""
    spec = importlib.util.spec_from_file_location(f"network_{path.parent.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Run all, saying which on the way."""
    done, root, state, steps, *numbers = sys.argv[1:]
    threads.install()
    remember_models()
    for number in numbers:
        folder = Path(root, number)
        sys.stdout.write(f"network {number}\n")
        sys.stdout.flush()
        sys.path.insert(0, str(folder))
        load(folder / "network.py").run_file(
            folder / "in.npy", folder / "out.npz", bool(int(state)), int(steps) or None
        )
        sys.path.remove(str(folder))
    Path(done).touch()


if __name__ == "__main__":
    try:
        main()
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)  # Lava's own threads may never end
