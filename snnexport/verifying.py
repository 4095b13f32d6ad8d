"""What ``spikeport verify`` does with a file: finds input, artefacts and network, and compares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hwsim.program import Program
from hwsim.simulate import Stages
from snnexport._verify import Judge, Verdict, verify
from snnexport.exported import golden_beside, lava_beside, netx_beside
from snnexport.golden import random_frames
from snnexport.source import Frames, Source, read


def verify_file(
    path: Path,
    judges: Sequence[Judge],
    source: Source,
    checkpoint: Path | None = None,
    timeout_s: float | None = None,
    progress: Stages | None = None,
) -> list[Verdict]:
    """Compare the program in ``path`` with ``judges``; see :func:`snnexport.verify`.

    Without input in ``source`` the golden bundle beside ``path`` is replayed, else seeded
    random input. Artefacts beside ``path`` are run, if they belong to it.

    Raises
    ------
    RangeError
        If an artefact belongs to another program, or ``checkpoint`` does not become this one.
    """
    program = Program.load(path)
    golden = None if source.given else golden_beside(path)
    if golden is not None:
        golden = golden.first(source.samples)
    if source.given:
        given = read(source, program)
    elif golden is not None:
        given = Frames(golden.frames, None, "golden", None)
    else:
        given = Frames(random_frames(program, source.samples or 8), None, "random", None)
    trained = None
    if checkpoint is not None:
        from snnexport.trained import trained_beside

        trained = trained_beside(checkpoint, path, program, source.root, given.images)
    return verify(
        program,
        given.frames,
        judges,
        labels=given.labels,
        golden=golden,
        lava_folder=lava_beside(path) if Judge.LAVA in judges else None,
        netx_file=netx_beside(path) if Judge.NETX in judges else None,
        trained=trained,
        timeout_s=timeout_s,
        progress=progress,
    )
