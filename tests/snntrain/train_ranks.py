"""Train the recipes of a folder as one of several processes, for test_distributed.py.

Usage: torchrun --nproc-per-node=N train_ranks.py RECIPE.toml...; beside each recipe NAME.toml
appear NAME/metrics.csv and, from process R, NAME/R.sha256.
"""

import os
import sys
import warnings
from pathlib import Path

import torch
from torch import distributed

from snntrain import Recipe, fit
from snntrain._watch import SpikeportWarning

torch.set_num_threads(1)
warnings.simplefilter("ignore", SpikeportWarning)
distributed.init_process_group("gloo")  # once: fit uses the group that is there
for name in sys.argv[1:]:
    path = Path(name)
    out = path.with_suffix("")
    checkpoint = fit(Recipe.load(path), out=out)
    (out / f"{os.environ['RANK']}.sha256").write_text(checkpoint.sha256)
distributed.barrier()
distributed.destroy_process_group()
