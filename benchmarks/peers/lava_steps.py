# /// script
# requires-python = "==3.10.*"
# dependencies = ["lava-nc==0.10.0", "numpy<2"]
# ///
"""Times steps of an exported network on Lava, without recorders: FOLDER.

FOLDER/lava: the artefact that ``spikeport export`` writes. Its spikes are compared elsewhere, by
the recorders of the artefact itself.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
from peer_network import Timing, answer, read

WARM_STEPS, LEAST_CPU_S = 10, 2.0
"""The kernel counts in hundredths of a second, for each of a dozen Processes."""


def main() -> None:
    """Print what the steps took all Processes together, start-up excluded."""
    folder = Path(sys.argv[1])
    frames = read(folder).frames
    sys.path.insert(0, str(folder / "lava"))
    import network
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.source import RingBuffer

    built = network.build()
    source = RingBuffer(data=frames[:, 0].T.astype(np.int32))
    network.connect_input(source, built)
    config = Loihi2SimCfg(select_tag="fixed_pt")
    source.run(condition=RunSteps(num_steps=WARM_STEPS), run_cfg=config)
    before, start, steps, cpu_s = _cpu_s(), time.perf_counter(), 0, 0.0
    while cpu_s < LEAST_CPU_S:  # the frames come round again
        source.run(condition=RunSteps(num_steps=len(frames)), run_cfg=config)
        steps, cpu_s = steps + len(frames), _cpu_s() - before
    wall_s = time.perf_counter() - start
    answer(folder, [Timing(1, steps, cpu_s, wall_s, _memory_mb())], {})
    source.stop()
    os._exit(0)


def _family() -> list[Path]:
    """Return the folders in /proc of this process and its children: Lava's have none."""
    me, found = str(os.getpid()), []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = status.read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue  # it ended meanwhile
        if me in (parent, status.parent.name):
            found.append(status.parent)
    return found


def _cpu_s() -> float:
    """Return the seconds of CPU that all of them have used."""
    fields = [(p / "stat").read_text().rsplit(")", 1)[1].split() for p in _family()]
    ticks = sum(int(f[11]) + int(f[12]) for f in fields)
    return ticks / os.sysconf("SC_CLK_TCK")


def _memory_mb() -> float:
    """Return the memory that all of them hold, what they share counted once."""
    kinds = [(p / "smaps_rollup").read_text() for p in _family()]
    sizes = [line.split()[1] for text in kinds for line in text.splitlines() if line[:4] == "Pss:"]
    return sum(map(int, sizes)) / 1024


if __name__ == "__main__":
    main()
