"""Thresholds that are reached, made strict by name: what stays, what changes, what is counted."""

import numpy as np
import pytest

from hwsim.chip import load_chip
from hwsim.errors import CheckError
from hwsim.neurons import Cuba
from snnexport import Calibration, approximate_thresholds, quantize, threshold_difference
from snnexport.graph import Edge, Graph, Layer, Linear
from snnexport.interpret import interpret


def layer(name, source, decay_v, bias=0.0):
    neuron = Cuba(decay_u=1.0, decay_v=decay_v, threshold=2.0, bias=bias)
    edge = Edge(source, name, (Linear(np.array([[1.0]])),))
    return Layer(name, (1,), neuron, (edge,), inclusive=True)


def graph(*layers):
    return Graph("net", "input", (1,), layers, layers[-1].name, 8)


STEPS = np.ones((8, 1, 1), np.int64)


def test_an_inclusive_layer_fires_in_the_step_in_which_it_reaches_its_threshold():
    found = interpret(graph(layer("if", "input", 0.0)), STEPS)
    assert found.spikes["if"].ravel().tolist() == [0, 1] * 4


def test_only_what_has_no_exact_form_becomes_strict():
    net = graph(
        layer("if", "input", 0.0), layer("lif", "if", 0.5), layer("biased", "if", 0.0, 0.25)
    )
    strict = approximate_thresholds(net)
    assert [p.inclusive for p in strict.layers] == [True, False, False]
    with pytest.raises(CheckError, match=r"lif: fires at >= .*\(here not: decay_v\)"):
        quantize(net, load_chip("loihi2"), Calibration(0, 1))


def test_the_difference_is_counted_layer_by_layer():
    net = graph(layer("biased", "input", 0.0, 1.0))  # reaches 2 exactly in every step
    rows = threshold_difference(net, approximate_thresholds(net), STEPS[:7])
    assert [(r.layer, r.compared, r.spikes, r.differ) for r in rows] == [("biased", 7, 7, 4)]
