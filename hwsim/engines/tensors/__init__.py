"""The engine on torch: a batch side by side; engine.py runs it, products.py multiplies."""

from hwsim.engines.tensors.engine import Torch

__all__ = ["Torch"]
