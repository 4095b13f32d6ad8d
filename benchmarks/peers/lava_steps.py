# /// script
# requires-python = "==3.10.*"
# dependencies = ["lava-nc==0.10.0", "numpy<2"]
# ///
"""Times steps of an exported network on Lava, without recorders: FOLDER IN.npy STEPS -> JSON."""

from __future__ import annotations

import json
import os
import sys
import time

import numpy as np

WARM_STEPS = 10


def main() -> None:
    """Print seconds per step, start-up excluded, as ``{"step_s": ...}``."""
    folder, frames, steps = sys.argv[1], np.load(sys.argv[2]), int(sys.argv[3])
    sys.path.insert(0, folder)
    import network
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.source import RingBuffer

    built = network.build()
    source = RingBuffer(data=frames[:, 0].T.astype(np.int32))
    network.connect_input(source, built)
    config = Loihi2SimCfg(select_tag="fixed_pt")
    source.run(condition=RunSteps(num_steps=WARM_STEPS), run_cfg=config)
    start = time.perf_counter()
    source.run(condition=RunSteps(num_steps=steps), run_cfg=config)
    elapsed = time.perf_counter() - start
    source.stop()
    print(json.dumps({"step_s": elapsed / steps}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
