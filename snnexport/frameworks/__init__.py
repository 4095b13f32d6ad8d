"""Modules of other frameworks -> modules that ``capture`` reads: neurons, containers, layers.

A framework is known by the package that a module's class is from; none is imported here. Each has
a file with a table, from the name of a class to what stands for its modules in a network of ours.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from importlib import import_module

from torch import nn

from hwsim.errors import SpikeportError
from snnexport.frameworks.imported import Unsupported

Translate = Callable[[nn.Module], nn.Module]
FRAMEWORKS = {
    "norse": "Norse",
    "sinabs": "sinabs",
    "snntorch": "snnTorch",
    "spikingjelly": "SpikingJelly",
}
"""Packages, and what they are called; each has a file of its package's name here."""
NETWORKS = "spikingjelly.activation_based.model"
"""Networks that SpikingJelly comes with are read as anybody's: their forward is traced."""


def translated(module: nn.Module) -> nn.Module:
    """Return ``module`` with all that is from a framework replaced; itself if nothing is.

    Parameters are shared, nothing of ``module`` is changed.
    """
    if not any(_package(m) in FRAMEWORKS for m in module.modules()):
        return module
    return _translated(module)


def _translated(module: nn.Module) -> nn.Module:
    package = _package(module)
    if package in FRAMEWORKS:
        return _replaced(module, package)
    children = {name: m and _translated(m) for name, m in module._modules.items()}
    twin = copy.copy(module)
    twin._modules = children
    return twin


def _replaced(module: nn.Module, package: str) -> nn.Module:
    """Return what stands for a framework's ``module``, its own modules replaced too."""
    table: Mapping[str, Translate] = import_module(f"{__name__}.{package}").TABLE
    name = type(module).__name__
    if name not in table:
        known = ", ".join(table)
        return Unsupported(f"{FRAMEWORKS[package]}'s {name} is not supported (known: {known})")
    try:
        return _translated(table[name](module))
    except SpikeportError as error:
        return Unsupported(f"{error.message}; {error.hint}")


def _package(module: nn.Module) -> str:
    where = type(module).__module__
    return "" if where.startswith(NETWORKS) else where.partition(".")[0]
