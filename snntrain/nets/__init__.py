"""The networks a recipe may name; a new one is a file beside this and a line here."""

from snntrain.nets.convnet import ConvNet

NETS = {"convnet": ConvNet}

__all__ = ["NETS", "ConvNet"]
