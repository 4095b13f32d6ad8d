"""A recipe small enough for tests."""

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
