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
    if not any(_origin(type(m)) for m in module.modules()):
        return module
    return _translated(module, {})


def _translated(module: nn.Module, twins: dict[nn.Module, nn.Module]) -> nn.Module:
    """Return what stands for ``module``; twins: for those met before, which may come again."""
    if module not in twins:
        origin = _origin(type(module))
        twins[module] = _twin(module, twins) if origin is None else _replaced(module, origin, twins)
    return twins[module]


def _twin(module: nn.Module, twins: dict[nn.Module, nn.Module]) -> nn.Module:
    """Return a copy that shares parameters, and whose forward may set what it likes."""
    twin = copy.copy(module)
    twin._modules = {name: m and _translated(m, twins) for name, m in module._modules.items()}
    twin._buffers = {name: b if b is None else b.clone() for name, b in module._buffers.items()}
    return twin


def _replaced(module: nn.Module, origin: type, twins: dict[nn.Module, nn.Module]) -> nn.Module:
    """Return what stands for ``module``, which does what the framework's class ``origin`` does."""
    package, name = _package(origin), origin.__name__
    table, whose = _table(package), f"{FRAMEWORKS[package]}'s {name}"
    if name not in table:
        return Unsupported(f"{whose} is not supported (known: {', '.join(table)})")
    own = _overridden(type(module), origin)
    own += [n for n, v in vars(module).items() if callable(v) and _is_method(origin, n)]
    if own:
        return Unsupported(
            f"it replaces {', '.join(own)} of {whose}, which is not read; use {name}"
        )
    try:
        return _translated(table[name](module), twins)
    except SpikeportError as error:
        return Unsupported(f"{error.message}; {error.hint}")


def _origin(kind: type) -> type | None:
    """Return the class of a framework that ``kind`` is, or a known one that it is made from."""
    if _package(kind) in FRAMEWORKS:
        return kind
    bases = (c for c in kind.__mro__[1:] if _package(c) in FRAMEWORKS)
    return next((c for c in bases if c.__name__ in _table(_package(c))), None)


def _overridden(kind: type, origin: type) -> list[str]:
    """Return the methods of ``origin`` that ``kind``, made from it, has others of."""
    made = kind.__mro__[: kind.__mro__.index(origin)]
    names = {n: v for c in made for n, v in vars(c).items() if n != "__init__"}
    return sorted(n for n, v in names.items() if callable(v) and _is_method(origin, n))


def _is_method(origin: type, name: str) -> bool:
    return callable(getattr(origin, name, None))


def _table(package: str) -> Mapping[str, Translate]:
    return import_module(f"{__name__}.{package}").TABLE


def _package(kind: type) -> str:
    """Return the package of a class, "" for those of networks."""
    where = kind.__module__
    return "" if where.startswith(NETWORKS) else where.partition(".")[0]
