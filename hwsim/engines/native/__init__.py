"""The compiled engine: C++ in src/, laid out by plan.py, at work in engine.py."""

from hwsim.engines.native.engine import Native, variant

__all__ = ["Native", "variant"]
