"""The writer: ``network.py``, ``weights.npz``, ``probe/``, and ``machine/`` where it is needed.

The folder needs Python 3.10 and lava-nc 0.10.0 and nothing of spikeport. What Lava would
compute differently is refused here, by name, all of it at once.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import jinja2

from hwsim.engines.base import message_type
from hwsim.errors import UnsupportedError, listed
from hwsim.files import write_atomic
from hwsim.program import Program
from hwsim.trace import npz_bytes
from snnexport.formats.lava.blocks import Block, Link, Store
from snnexport.formats.lava.neurons import population_block, population_problems
from snnexport.formats.lava.synapses import connection_link, connection_problems

_RESERVED = {
    "Conv", "DelayDense", "DelaySparse", "Delta", "Dense", "GradedVec", "LIF", "LIFReset", "Path",
    "RingBuffer", "Sigma", "SigmaDelta", "Sparse", "TernaryLIF", "__debug__", "__file__",
    "csr_matrix", "machine", "np", "w",
}  # fmt: skip
"""Names that ``build`` in network.py uses itself."""
_HWSIM = ("__init__.py", "arith.py", "errors.py", "lazy.py")
"""Files of hwsim, beside its neurons, that a neuron's ``step`` needs."""


def write_lava(program: Program, folder: Path, *, sha256: str = "") -> None:
    """Write ``program`` into ``folder`` (made if absent), to be read and run by a Lava user.

    Parameters
    ----------
    program
        The network.
    folder
        Gets ``network.py``, ``weights.npz`` and ``probe/recorder.py``; where stock Lava has no
        fixed-point model of a neuron also ``machine/process.py`` and, under ``hwsim/``, copies
        of the files with the neuron's own ``step``.
    sha256
        Identity of the program's file, kept as ``PROGRAM_SHA256`` in network.py.

    Raises
    ------
    UnsupportedError
        Listing everything that Lava 0.10.0 would compute differently.
    """
    problems = unsupported(program)
    if problems:
        raise UnsupportedError(
            listed(f"program {program.name} cannot run on Lava", problems),
            hint="a Dense or Sparse of Lava holds weights 0..255, -255..0, or even ones -256..254",
        )
    blank = [program.blank] if program.blank else []
    ids = _identifiers(x.name for x in (*program.populations, *program.connections, *blank))
    store = Store()
    populations = [population_block(program, p, ids[p.name], store) for p in program.populations]
    connections = [connection_link(program, c, ids, store) for c in program.connections]
    network = _template().render(
        program=program,
        sha256=sha256,
        blank_id="".join(ids[line.name] for line in blank),
        populations=populations,
        connections=connections,
        recorded=[
            (p, tuple(p.neuron.STATE), message_type(p.neuron.MESSAGES).__name__)
            for p in program.populations
        ],
        imports=_imports([*populations, *connections]),
    )
    extras = {"probe": _ARTEFACT / "probe"}
    if any(block.home == "machine" for block in populations):
        hwsim = files("hwsim")
        extras |= {"machine": _ARTEFACT / "machine", "hwsim/neurons": hwsim / "neurons"}
        for name in _HWSIM:
            write_atomic(folder / "hwsim" / name, (hwsim / name).read_text("utf-8"))
    for place, origin in extras.items():
        for name, text in _sources(origin):
            write_atomic(folder / place / name, text)
    write_atomic(folder / "weights.npz", npz_bytes(store.arrays))
    write_atomic(folder / "network.py", network)


def unsupported(program: Program) -> list[str]:
    """List what Lava would compute differently, or has no Process for."""
    names = [x.name for x in (*program.populations, *program.connections)]
    twice = sorted({name for name in names if names.count(name) > 1})
    found = [f"{name}: a population and a connection have the same name" for name in twice]
    for p in program.populations:
        found += population_problems(program, p)
    for c in program.connections:
        found += connection_problems(program, c)
    return found


_ARTEFACT = files("snnexport.formats") / "lava_artefact"


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.filters.update(repr=repr, quoted=repr)
    return environment.from_string((_ARTEFACT / "network.py.jinja").read_text("utf-8"))


def _sources(folder: Traversable) -> Iterable[tuple[str, str]]:
    """Yield the names and texts of the Python files in ``folder``."""
    for file in folder.iterdir():
        if file.name.endswith(".py"):
            yield file.name, file.read_text("utf-8")


def _imports(blocks: Sequence[Block]) -> list[str]:
    """Return the import lines of the Processes that network.py makes, sorted."""
    kinds: dict[str, set[str]] = {"lava.proc.io.source": {"RingBuffer"}}
    for block in blocks:
        kinds.setdefault(block.home, set()).add(block.kind)
    own = kinds.pop("machine", None)
    if any("Sparse" in block.kind for block in blocks if isinstance(block, Link)):
        kinds["scipy.sparse"] = {"csr_matrix"}
    lines = [f"from {home} import {', '.join(sorted(kinds[home]))}" for home in sorted(kinds)]
    return lines + ["from machine import process as machine"] * bool(own)


def _identifiers(names: Iterable[str]) -> dict[str, str]:
    """Give every name a Python identifier of its own, as like it as can be."""
    found: dict[str, str] = {}
    for name in names:
        base = re.sub(r"\W", "_", name.replace("->", "_to_"), flags=re.ASCII)
        if not base.isidentifier() or keyword.iskeyword(base) or base in _RESERVED:
            base = f"p_{base}"
        choice, number = base, 2
        while choice in found.values():
            choice, number = f"{base}_{number}", number + 1
        found[name] = choice
    return found
