"""snnexport.netx: runs Programs and netx files on lava-dl 0.6.0, in a Python 3.10 of its own."""

from snnexport.netx.backend import run
from snnexport.netx.environment import obtain_python

__all__ = ["obtain_python", "run"]
