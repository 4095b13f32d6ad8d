"""Runs FOLDER/program.onnx on FOLDER/frames.npy; prints seconds to the result and peak memory."""
# ruff: noqa: E402 -- what is imported is timed, and what is not must come after

import json
import sys
import time

start = time.perf_counter()
import numpy as np

import hwsim

folder = sys.argv[1]
program = hwsim.Program.load(f"{folder}/program.onnx")
hwsim.run(program, np.load(f"{folder}/frames.npy"), threads=1)
first_s = time.perf_counter() - start

from peer_network import peak_memory_mb

print(json.dumps({"first_s": first_s, "memory_mb": peak_memory_mb()}))
