"""A recipe small enough for tests, and what training it gives."""

import pytest
import torch

from snntrain import Recipe, fit

TINY = """
[data]
name = "digits"

[net]
kind = "convnet"
input_shape = [1, 8, 8]
classes = 10
channels = [4]
dense = []
decay_u = [0.75, 1.0]
decay_v = [0.25, 0.0]

[train]
steps = 2
epochs = 3
batch_size = 256
learning_rate = 0.02
weight_decay = 0.01
seed = 7
shift = 1
rate_penalty = 0.1
"""


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tensors here are so small that threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_text():
    return TINY


@pytest.fixture(scope="session")
def tiny():
    return Recipe.from_text(TINY, "tiny")


@pytest.fixture(scope="session")
def trained(tiny):
    return fit(tiny)


@pytest.fixture(scope="session")
def wide_text():
    """Return a recipe with weights that lie channels last: more than one channel in and out."""
    text = TINY.replace("channels = [4]", "channels = [4, 3]")
    text = text.replace("decay_u = [0.75, 1.0]", "decay_u = [0.75, 1.0, 1.0]")
    return text.replace("decay_v = [0.25, 0.0]", "decay_v = [0.25, 0.0, 0.0]")
