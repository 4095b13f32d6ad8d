"""A NIR file -> Graph: with which profile it is read, and what the file says about that itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from hwsim._onnx.read import program_of
from hwsim.errors import RangeError, UnsupportedError
from hwsim.program import Program
from snnexport.formats.nir.file_in import read_file
from snnexport.formats.nir.flat import Flat, flattened
from snnexport.formats.nir.graph_in import Reading, to_graph
from snnexport.formats.nir.neurons import FIRING
from snnexport.formats.nir.own import Own
from snnexport.formats.nir.profiles import DT, PROFILES, Profile, profile_of
from snnexport.graph import Graph

PROFILE, STEP, ASSUMED, SHA256 = "nir.profile", "nir.dt", "nir.assumed", "nir.sha256"
"""Where the metadata of a graph, and of its programs, keep how a file was read."""


def read_nir(
    path: Path,
    *,
    profile: str | Profile | None = None,
    dt: float | None = None,
    steps: int | None = None,
    repair: bool = False,
) -> Graph:
    """Return the network in the NIR file at ``path``, in reals.

    :func:`assumed` lists what was assumed about it, and what in the file has no part in it.

    Parameters
    ----------
    path
        The file.
    profile
        How to read what NIR leaves open: a name in ``PROFILES``, or one of them
        ``with_choices``. A file that spikeport wrote says so itself.
    dt
        Seconds a step; by default the file's, or else the profile's. Steps a step, 1 by
        default, where the profile's tau counts these.
    steps
        Of a sample; by default the file's, or else populations are never set to rest.
    repair
        Fill in what exporters leave out, where there is only one reading.

    Raises
    ------
    RangeError
        If dt is not above 0.
    FileError
        If the file is missing, damaged, or no NIR file.
    CheckError
        Listing everything that is malformed, or that the profile or the machine does not have.
    UnsupportedError
        If neither ``profile`` nor the file says how to read it.
    """
    if dt is not None and not 0 < dt < float("inf"):
        raise RangeError(f"dt = {dt} is not a number above 0", hint="give seconds, as dt=1e-4")
    file = read_file(path)
    flat = flattened(file.graph, str(path), repair=repair)
    own = Own.of(file.graph, str(path))
    chosen, evidence = _chosen(flat, own, profile, str(path))
    if dt is not None and dt != own.dt and own.written and profile is None:
        raise RangeError(
            f"{path}: dt = {dt}, and spikeport wrote it with steps of {own.dt} s",
            hint="give --profile, too, to read its neurons with another step",
        )
    step = dt or (own.dt if chosen.dt is not None else None) or chosen.dt or 1.0
    lines = [f"read with profile {chosen.name} ({evidence}): {chosen.about}"]
    if chosen.dt is not None and own.dt is None and dt is None:
        lines.append(f"a step of {step:.6g} s, the profile's (--dt)")
    lines += _guesses(flat, chosen)
    reading = Reading(chosen, step, steps or own.steps or None, own.written and profile is None)
    graph, found = to_graph(flat, own.name or path.stem, reading)
    metadata = {PROFILE: chosen.name, STEP: repr(step), SHA256: file.sha256}
    metadata[ASSUMED] = json.dumps([*lines, *flat.repaired, *found])
    return replace(graph, readout=own.readout or graph.readout, metadata=metadata)


def stored_program(path: Path) -> Program | None:
    """Return the program that spikeport kept in the NIR file at ``path``, None if there is none."""
    content = Own.of(read_file(path).graph, str(path)).program
    return None if content is None else program_of(content, f"{path}: its program")


def assumed(graph: Graph) -> list[str]:
    """Return what was assumed about, and lost of, the file that ``graph`` was read from."""
    return json.loads(graph.metadata.get(ASSUMED, "[]"))


def _chosen(flat: Flat, own: Own, profile: str | Profile | None, where: str) -> tuple[Profile, str]:
    """Return the profile to read with, and why that one."""
    if profile is not None:
        return (profile if isinstance(profile, Profile) else profile_of(profile)), "given"
    if own.written:
        euler = PROFILES["nir-euler"]
        return euler.with_choices(hears=euler.hears), "spikeport wrote it, as its metadata say"
    if own.changed:
        raise UnsupportedError(
            f"{where}: spikeport wrote it, and another tool has changed it since, so its metadata "
            "are not believed",
            hint="give --profile, as nir-euler, and --dt: fields are read then, not metadata",
        )
    clues = "; ".join(_clues(flat)) or "nothing in it hints at one"
    raise UnsupportedError(
        f"{where}: NIR does not say how long a step is or what a spike leaves behind, and "
        f"frameworks differ; {clues}",
        hint=f"give --profile: {', '.join(PROFILES)} (docs/nir.md says what each means)",
    )


def _guesses(flat: Flat, profile: Profile) -> Iterator[str]:
    """Yield what is assumed where ``profile`` leaves it open and the file has such neurons."""
    kinds = {node.kind for node in flat.nodes.values()}
    concerned = {"hears": {"CubaLIF", "CubaLI"}, "reset": set(FIRING)}
    for name, words in profile.guessed.items():
        if kinds & concerned[name]:
            yield f"assumed: {words}"
    if profile.most == 0 and kinds & set(FIRING):
        yield "at most 255 spikes a step, the largest message of the machine's neuron (--most)"


def _clues(flat: Flat) -> Iterator[str]:
    """Yield what the numbers in a file say about who may have written it."""
    leaky = [n.fields for n in flat.nodes.values() if n.kind in ("LIF", "CubaLIF")]
    taus = [np.asarray(f.get("tau", f.get("tau_mem")), np.float64) for f in leaky]
    if not leaky:
        return
    if all(np.allclose(f["r"] * DT, tau, rtol=1e-4) for f, tau in zip(leaky, taus, strict=True)):
        yield "r = tau / 1e-4 s in every leaky neuron, as snnTorch and SpikingJelly write"
    if all((tau >= 1).all() for tau in taus):
        yield "every tau is 1 or more, as where it counts steps (sinabs)"
    if all((tau < DT).all() for tau in taus):
        yield "every tau is below 1e-4, as Norse's to_nir writes (norse-export)"
