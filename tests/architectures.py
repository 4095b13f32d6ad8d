"""A small network of each kind that snntrain has, as a checkpoint that looks trained."""

from __future__ import annotations

import torch
from torch import nn

from snntrain import Checkpoint, Recipe, load, unroll
from snntrain.encode import direct

_RESIDUAL = 'channels = [3, 4]\nblocks = 1\npooling = "average"\npool_size = 2\n'
KINDS = {
    "convnet": "channels = [3]\ndense = [8]\n"
    "decay_u = [1.0, 0.75, 1.0]\ndecay_v = [0.25, 0.0, 0.1]\n",
    "recurrent": "channels = [3]\ndense = [8]\ndecay_u = 1.0\ndecay_v = 0.25\n",
    "delayed": "channels = [3, 4]\ndense = [8]\ndelays = [0, 1]\ndecay_u = 0.75\ndecay_v = 0.25\n",
    "pooled": "channels = [3, 4]\ndecay_v = 0.5\ndropout = 0.2\n",
} | {
    f"residual {shortcut}": f'shortcut = "{shortcut}"\n{_RESIDUAL}'
    for shortcut in ("sew-add", "sew-and", "sew-iand", "spiking", "membrane")
}


def checkpoint(name: str) -> Checkpoint:
    """Return a network of ``KINDS[name]`` on the digits whose neurons fire now and then."""
    text = (
        f'[data]\nname = "digits"\n[net]\nkind = "{name.split()[0]}"\ninput_shape = [1, 8, 8]\n'
        f"classes = 10\n{KINDS[name]}"
        "[train]\nsteps = 4\nepochs = 1\nbatch_size = 25\nlearning_rate = 0.02\nseed = 1\n"
    )
    recipe = Recipe.from_text(text, name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        module = _stirred(recipe.build())
        images = load("digits", "train").images[:128]
        for _ in range(5):
            unroll(module.train(), torch.tensor(direct(images, 4), dtype=torch.float32))
    return Checkpoint(recipe, module.state_dict(), {}, {"input": [0, 16]})


def _stirred(module: nn.Module) -> nn.Module:
    """Give every norm gains of both signs, and offsets."""
    for path, parameter in module.named_parameters():
        if "norm" in path or "shortcut.1" in path:
            if path.endswith("weight"):
                nn.init.uniform_(parameter, 0.5, 2.0)
                parameter.data[::3] *= -1
            else:
                nn.init.uniform_(parameter, 0.1, 0.6)
    return module
