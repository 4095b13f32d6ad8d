"""What is installed here: versions, and which compiled engine."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from hwsim.errors import SpikeportError

_PACKAGES = ("numpy", "onnx", "torch", "onnxruntime", "optuna")


def versions() -> list[str]:
    """Return a line for spikeport, one for Python and packages, and one for the engine."""
    packages = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    return [
        f"spikeport {_version('spikeport')}",
        f"Python {platform.python_version()}, {packages}",
        f"engine: {_engine()}",
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def _engine() -> str:
    from hwsim.engines.native import variant

    try:
        return f"native, {variant()}"
    except SpikeportError as error:
        return error.message
