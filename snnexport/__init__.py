"""snnexport: from a trained network to a hardware program, and to the files other tools read.

Names are imported on first use, so that a machine without torch can still run programs.
"""

from typing import TYPE_CHECKING

from hwsim.lazy import lazy

if TYPE_CHECKING:
    from snnexport._capture import capture
    from snnexport._export import Format, Stages, export, stages
    from snnexport._verify import Judge, Verdict, verify
    from snnexport.graph import Graph
    from snnexport.passes.fold import Into, fold
    from snnexport.passes.lower import lower
    from snnexport.passes.quantize import Calibration, quantize

__getattr__ = lazy(
    "snnexport",
    {
        "_capture": ("capture",),
        "_export": ("Format", "Stages", "export", "stages"),
        "_verify": ("Judge", "Verdict", "verify"),
        "graph": ("Graph",),
        "passes.fold": ("Into", "fold"),
        "passes.lower": ("lower",),
        "passes.quantize": ("Calibration", "quantize"),
    },
)

__all__ = [
    "Calibration", "Format", "Graph", "Into", "Judge", "Stages", "Verdict", "capture", "export",
    "fold", "lower", "quantize", "stages", "verify",
]  # fmt: skip
