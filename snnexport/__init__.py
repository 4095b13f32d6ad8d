"""snnexport: from a trained network to a hardware program, and to the files other tools read.

Names are imported on first use, so that a machine without torch can still run programs.
"""

from typing import TYPE_CHECKING

from hwsim.lazy import lazy

if TYPE_CHECKING:
    from snnexport._capture import capture
    from snnexport._export import Format, export
    from snnexport._stages import Stages, stages
    from snnexport._verify import Judge, Verdict, verify
    from snnexport.check import problems
    from snnexport.formats.nir import assumed, read_nir
    from snnexport.graph import Graph
    from snnexport.passes.calibration import Calibration, Method, code_input
    from snnexport.passes.choices import Choices, LayerChoice, choices_of
    from snnexport.passes.errors import error_report, error_table
    from snnexport.passes.fold import Into, fold
    from snnexport.passes.lower import lower
    from snnexport.passes.quantize import quantize
    from snnexport.passes.thresholds import approximate_thresholds, threshold_difference

__getattr__ = lazy(
    "snnexport",
    {
        "_capture": ("capture",),
        "_export": ("Format", "export"),
        "_stages": ("Stages", "stages"),
        "_verify": ("Judge", "Verdict", "verify"),
        "check": ("problems",),
        "formats.nir": ("assumed", "read_nir"),
        "graph": ("Graph",),
        "passes.calibration": ("Calibration", "Method", "code_input"),
        "passes.choices": ("Choices", "LayerChoice", "choices_of"),
        "passes.errors": ("error_report", "error_table"),
        "passes.fold": ("Into", "fold"),
        "passes.lower": ("lower",),
        "passes.quantize": ("quantize",),
        "passes.thresholds": ("approximate_thresholds", "threshold_difference"),
    },
)

__all__ = [
    "Calibration", "Choices", "Format", "Graph", "Into", "Judge", "LayerChoice", "Method", "Stages",
    "Verdict", "approximate_thresholds", "assumed", "capture", "choices_of", "code_input",
    "error_report", "error_table", "export", "fold", "lower", "problems", "quantize", "read_nir",
    "stages", "threshold_difference", "verify",
]  # fmt: skip
