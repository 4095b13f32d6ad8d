"""snnexport: from a trained network to a hardware program, and to the files other tools read.

Names are imported on first use, so that a machine without torch can still run programs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snnexport._capture import capture
    from snnexport._export import Format, Stages, export, stages
    from snnexport._verify import Judge, Verdict, verify
    from snnexport.graph import Graph
    from snnexport.passes.fold import Into, fold
    from snnexport.passes.lower import lower
    from snnexport.passes.quantize import Calibration, quantize

_HOMES = {
    "_capture": ("capture",),
    "_export": ("Format", "Stages", "export", "stages"),
    "_verify": ("Judge", "Verdict", "verify"),
    "graph": ("Graph",),
    "passes.fold": ("Into", "fold"),
    "passes.lower": ("lower",),
    "passes.quantize": ("Calibration", "quantize"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Calibration", "Format", "Graph", "Into", "Judge", "Stages", "Verdict", "capture", "export",
    "fold", "lower", "quantize", "stages", "verify",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'snnexport' has no attribute {name!r}")
    return getattr(import_module(f"snnexport.{_HOME_OF[name]}"), name)
