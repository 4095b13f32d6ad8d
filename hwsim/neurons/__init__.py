"""The neurons of the machine, by name; a new one is a file beside this and a line here."""

from hwsim.neurons.base import Neuron, check, messages, param, problems, registers
from hwsim.neurons.cuba import Cuba
from hwsim.neurons.delta import Delta
from hwsim.neurons.gate import Gate
from hwsim.neurons.late_reset import CubaLateReset
from hwsim.neurons.leaky_integrator import LeakyIntegrator
from hwsim.neurons.multi_spike import MultiSpike
from hwsim.neurons.refractory import CubaRefractory
from hwsim.neurons.relay import GradedRelay
from hwsim.neurons.sigma import Sigma
from hwsim.neurons.sigma_delta import SigmaDelta
from hwsim.neurons.subtract import CubaSubtract
from hwsim.neurons.ternary import Ternary

NEURONS: dict[str, type[Neuron]] = {
    "Cuba": Cuba,
    "CubaLateReset": CubaLateReset,
    "CubaRefractory": CubaRefractory,
    "CubaSubtract": CubaSubtract,
    "Delta": Delta,
    "Gate": Gate,
    "GradedRelay": GradedRelay,
    "LeakyIntegrator": LeakyIntegrator,
    "MultiSpike": MultiSpike,
    "Sigma": Sigma,
    "SigmaDelta": SigmaDelta,
    "Ternary": Ternary,
}
"""The neurons of the machine, by the name that files and chips give them."""

__all__ = [
    "NEURONS", "Cuba", "CubaLateReset", "CubaRefractory", "CubaSubtract", "Delta", "Gate",
    "GradedRelay", "LeakyIntegrator", "MultiSpike", "Neuron", "Sigma", "SigmaDelta", "Ternary",
    "check", "messages", "param", "problems", "registers",
]  # fmt: skip
