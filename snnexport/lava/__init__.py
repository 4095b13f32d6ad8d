"""snnexport.lava: runs Programs and Lava artefacts on real Lava, in a Python 3.10 of its own."""

from snnexport.lava.backend import run, run_folder
from snnexport.lava.many import run_many
from snnexport.lava.python import find_python

__all__ = ["find_python", "run", "run_folder", "run_many"]
