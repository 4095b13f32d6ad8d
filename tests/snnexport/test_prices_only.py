"""A chip that only prices is refused by name by every stage that would make a program for it."""

import numpy as np
import pytest
from hand_graphs import problems_of, single

from hwsim import load_chip
from hwsim.errors import UnsupportedError
from snnexport import lower
from snnexport.passes.calibration import Calibration
from snnexport.passes.quantize import quantize

PRICES_ONLY = load_chip("truenorth")
SPIKES = Calibration(0, 1)
REFUSED = "chip truenorth has prices only"


def test_quantize_refuses_a_chip_without_registers(rng):
    graph = single(rng.normal(size=(2, 3)))
    for stage in (quantize, problems_of):
        with pytest.raises(UnsupportedError, match=REFUSED):
            stage(graph, PRICES_ONLY, SPIKES)


def test_lower_refuses_a_chip_without_registers():
    quantized = quantize(single(np.eye(2)), load_chip("loihi2"), SPIKES)
    with pytest.raises(UnsupportedError, match=REFUSED):
        lower(quantized, PRICES_ONLY)
