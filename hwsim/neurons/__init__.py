"""The neurons of the machine, by name; a new one is a file beside this and a line here."""

from hwsim.neurons.base import check, param, problems, registers
from hwsim.neurons.cuba import Cuba

NEURONS = {"Cuba": Cuba}

__all__ = ["NEURONS", "Cuba", "check", "param", "problems", "registers"]
