"""Runs SANA-FE 2.2.9: ARCHITECTURE.yaml NETWORK.yaml STEPS OUT.json [spikes].

In SANA-FE's own Python. ARCHITECTURE may be ``loihi``, the file that comes with it. OUT.json:
sums over all steps, the energy by part (J), the time of each step by its timing model `simple`
(s), and what loading and running took (s); with ``spikes`` also every spike as [step, group,
neuron], steps from 1.
"""

import json
import sys
import time
from pathlib import Path

import sanafe

architecture, network, steps, target, *more = sys.argv[1:]
if architecture == "loihi":
    architecture = str(Path(sanafe.__file__).parent / "examples" / "loihi.yaml")
start = time.perf_counter()
chip_file = sanafe.load_arch(architecture)
chip = sanafe.SpikingChip(chip_file)
chip.load(sanafe.load_net(network, chip_file))
loaded = time.perf_counter()
spikes = more == ["spikes"]
result = chip.sim(int(steps), timing_model="simple", perf_trace=True, spike_trace=spikes)
run_s = time.perf_counter() - loaded
found = {
    "fired": result["neurons_fired"],
    "updated": result["neurons_updated"],
    "synapse_events": result["spikes"],
    "messages": result["packets_sent"],
    "hops": sum(result["perf_trace"]["hops"]),
    "energy": result["energy"],
    "step_time": list(result["perf_trace"]["sim_time"]),
    "load_s": loaded - start,
    "run_s": run_s,
}
if spikes:
    found["spikes"] = [
        [step, neuron.group_name, neuron.neuron_offset]
        for step, fired in enumerate(result["spike_trace"], 1)
        for neuron in fired
    ]
Path(target).write_text(json.dumps(found))
