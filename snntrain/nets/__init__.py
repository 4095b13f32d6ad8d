"""The networks a recipe may name; a new one is a file beside this and a line here."""

from snntrain.nets.convnet import ConvNet
from snntrain.nets.delayed import DelayedNet
from snntrain.nets.dense import DenseNet
from snntrain.nets.pooled import PooledNet
from snntrain.nets.recurrent import RecurrentNet
from snntrain.nets.residual import ResidualNet
from snntrain.nets.resnet import ResNet
from snntrain.nets.seven_block import SevenBlockNet

NETS = {
    "convnet": ConvNet,
    "delayed": DelayedNet,
    "dense": DenseNet,
    "pooled": PooledNet,
    "recurrent": RecurrentNet,
    "residual": ResidualNet,
    "resnet": ResNet,
    "seven-block": SevenBlockNet,
}
"""The networks by the name that a recipe gives them."""

__all__ = [
    "NETS",
    "ConvNet",
    "DelayedNet",
    "DenseNet",
    "PooledNet",
    "RecurrentNet",
    "ResNet",
    "ResidualNet",
    "SevenBlockNet",
]
