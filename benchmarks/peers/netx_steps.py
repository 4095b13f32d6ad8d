"""Times lava-dl on a file: FILE.net IN.npy OUT.npy LAYERS [OPTIONS] -> one line {"step_s": s}.

IN.npy: spikes (n, steps) or (W, H, C, steps); OUT.npy: outputs likewise, of as many steps. The
first step is not timed: it starts Lava. OPTIONS: arguments of hdf5.Network, as JSON.
"""

import json
import os
import sys
import time

import numpy as np
from lava.lib.dl.netx.hdf5 import Network
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc import io

file, source, target, layers, *options = sys.argv[1:]
spikes = np.load(source)
steps = spikes.shape[-1]
arguments = json.loads(options[0]) if options else {}
network = Network(net_config=file, num_layers=int(layers), **arguments)
sent = io.source.RingBuffer(data=spikes)
kept = io.sink.RingBuffer(shape=network.out_layer.shape, buffer=steps)
sent.s_out.connect(network.inp)
network.out.connect(kept.a_in)
config = Loihi2SimCfg(select_tag="fixed_pt")
network.run(condition=RunSteps(num_steps=1), run_cfg=config)
start = time.perf_counter()
network.run(condition=RunSteps(num_steps=steps - 1), run_cfg=config)
step_s = (time.perf_counter() - start) / (steps - 1)
np.save(target, kept.data.get())
network.stop()
print(json.dumps({"step_s": step_s}), flush=True)
os._exit(0)  # lava-dl's own processes may never end
