"""The networks a recipe may name; a new one is a file beside this and a line here."""

from snntrain.nets.convnet import ConvNet
from snntrain.nets.delayed import DelayedNet
from snntrain.nets.pooled import PooledNet
from snntrain.nets.recurrent import RecurrentNet
from snntrain.nets.residual import ResidualNet

NETS = {
    "convnet": ConvNet,
    "delayed": DelayedNet,
    "pooled": PooledNet,
    "recurrent": RecurrentNet,
    "residual": ResidualNet,
}

__all__ = ["NETS", "ConvNet", "DelayedNet", "PooledNet", "RecurrentNet", "ResidualNet"]
