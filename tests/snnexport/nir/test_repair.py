"""What exporters leave out of NIR files: refused with the way out, or repaired and listed."""

import numpy as np
import pytest
from nir_files import affine, chain, conv2d, flat, lif, port, refused, small_net


def scalar_net():
    """Return what Norse's exporter writes: scalars, and a batch axis of 1."""
    nodes, edges = small_net(4, 3)
    nodes |= {"input": port("Input", 1, 4), "lif": lif(), "output": port("Output", 1, 3)}
    return nodes, edges


def test_scalars_and_batch_axes_are_refused_together_with_the_way_out():
    problems, hint = refused(*scalar_net())
    batch = "axis 0 (the first) is one too many, a batch or time axis, which NIR has not"
    assert problems == {
        f"input -> fc: Affine takes shape (4,), and (1, 4) arrives: {batch}",
        "lif: tau, r, v_leak, v_threshold, v_reset hold one value, and the population has shape "
        "(3,): NIR has no broadcasting (--repair)",
        f"output: Output has shape (1, 3), and (3,) arrives: {batch} (--repair)",
    }
    assert "--repair" in hint


def test_scalars_and_batch_axes_are_repaired_and_listed():
    found = flat(*scalar_net(), repair=True)
    assert found.repaired == (
        "input: shape (1, 4) taken as (4,), without its first axis",
        "lif: tau, r, v_leak, v_threshold, v_reset spread over shape (3,)",
        "output: shape (1, 3) taken as (3,), without its first axis",
    )
    assert found.shapes == {"input": (4,), "fc": (3,), "lif": (3,), "output": (3,)}
    assert found.nodes["input"].fields["shape"] == (4,)
    tau = found.nodes["lif"].fields["tau"]
    assert (tau.dtype, tau.tolist()) == (np.float32, [np.float32(0.02)] * 3)


def test_a_neuron_of_its_own_that_has_one_element_is_spread_only_where_more_arrive():
    nodes, edges = small_net(4, 1)
    assert flat(nodes, edges, repair=True).repaired == ()
    assert flat(*scalar_net(), repair=True).nodes["lif"].fields["r"].shape == (3,)


def test_scalars_are_spread_where_the_neurons_come_before_what_feeds_them():
    nodes, edges = small_net(3, 3)
    nodes |= {"lif": lif(), "back": affine(np.ones((3, 3)))}
    found = flat(nodes, [*edges, *chain("lif", "back", "fc")], repair=True)
    assert found.order == ("input", "lif", "back", "fc", "output")
    assert found.shapes["lif"] == (3,)


def test_a_time_axis_that_is_not_1_is_never_dropped():
    nodes, edges = small_net(4, 3)
    nodes |= {"input": port("Input", 50, 4), "output": port("Output", 50, 3)}
    problems, hint = refused(nodes, edges, repair=True)
    assert problems == {
        "input -> fc: Affine takes shape (4,), and (50, 4) arrives: axis 0 (the first) is one too "
        "many, a batch or time axis, which NIR has not",
        "lif -> output: Output takes shape (50, 3), and (3,) arrives: Output's own axis 0 (the "
        "first) is one too many, a batch or time axis",
    }
    assert "--repair" not in hint


def test_a_batch_axis_is_not_dropped_where_the_rest_does_not_fit_then():
    nodes, edges = small_net(4, 3)
    nodes["input"] = port("Input", 1, 5)
    assert refused(nodes, edges, repair=True)[0] == {
        "input -> fc: Affine takes shape (4,), and (1, 5) arrives"
    }


@pytest.mark.parametrize("neuron", [lif(1, 4), lif()])
def test_a_leading_axis_of_1_that_fits_is_kept(neuron):
    nodes = {"input": port("Input", 1, 4), "lif": neuron, "output": port("Output", 1, 4)}
    assert flat(nodes, chain(*nodes), repair=True).shapes["lif"] == (1, 4)


def image_net(input_shape=(6, 6), **flatten):
    stored = None if input_shape is None else np.array(input_shape)
    nodes = {
        "input": port("Input", 2, 6, 6),
        "conv": conv2d(np.ones((4, 2, 3, 3)), stored),
        "flat": {"type": "Flatten", "start_dim": 0, "end_dim": -1, **flatten},
        "fc": affine(np.ones((3, 64))),
        "lif": lif(3),
        "output": port("Output", 3),
    }  # fmt: skip
    return nodes, chain(*nodes)


def test_a_network_on_images_has_its_shapes():
    found = flat(*image_net())
    assert found.shapes["conv"] == (4, 4, 4)
    assert found.shapes["flat"] == (64,)


def test_a_missing_input_shape_is_named_or_filled_in():
    problems, _ = refused(*image_net(None))
    assert problems == {"conv: Conv2d has no input_shape; (6, 6) arrives (--repair)"}
    found = flat(*image_net(None), repair=True)
    assert found.nodes["conv"].fields["input_shape"] == (6, 6)
    assert found.repaired == ("conv: input_shape = (6, 6) filled in",)


def test_a_wrong_input_shape_is_never_repaired():
    problems, _ = refused(*image_net((5, 5)), repair=True)
    assert "input -> conv: Conv2d takes shape (2, 5, 5), and (2, 6, 6) arrives" in problems


def test_channels_that_a_convolution_does_not_take_are_named():
    nodes, edges = image_net(None)
    nodes["input"] = port("Input", 3, 6, 6)
    problems, _ = refused(nodes, edges, repair=True)
    assert problems == {"input -> conv: Conv2d takes shape (2, 6, 6), and (3, 6, 6) arrives"}


@pytest.mark.parametrize(
    ("declared", "last"),
    [(None, -1), (None, 2), ((4, 4, 4), -1), ((1, 4, 4, 4), -1), ((1, 4, 4, 4), 3)],
)
def test_flatten_from_1_is_named_or_taken_as_the_whole_flatten_it_stands_for(declared, last):
    stored = None if declared is None else np.array(declared)
    net = image_net(start_dim=1, end_dim=last, input_type=stored)
    problems, _ = refused(*net)
    assert problems == {
        "flat: Flatten with start_dim 1 of (4, 4, 4) does not give (64,), which its readers take: "
        "NIR counts dims without the batch, a full Flatten has start_dim 0 (--repair)"
    }
    found = flat(*net, repair=True)
    assert found.repaired == ("flat: start_dim = 1 taken as 0, which gives (64,)",)
    assert found.nodes["flat"].fields == {"input_type": (4, 4, 4), "start_dim": 0, "end_dim": -1}


def test_everything_that_a_sample_with_a_batch_of_1_leaves_behind_is_repaired_together():
    nodes, edges = image_net(None, start_dim=1, input_type=np.array([1, 4, 4, 4]))
    nodes |= {"input": port("Input", 1, 2, 6, 6), "lif": lif(), "output": port("Output", 1, 3)}
    found = flat(nodes, edges, repair=True)
    assert found.shapes == flat(*image_net()).shapes
    assert [line.split(":")[0] for line in found.repaired] == [
        "input", "conv", "flat", "lif", "output",
    ]  # fmt: skip
    problems, _ = refused(nodes, edges)
    assert (
        "conv: Conv2d takes shape (channels, height, width), and (1, 2, 6, 6) arrives: "
        "NIR has no batch or time axis"
    ) in problems


def test_flatten_from_1_before_an_output_with_a_batch_axis_is_repaired():
    nodes = {"input": port("Input", 4, 2), "lif": lif(4, 2), "flat": {"type": "Flatten"},
             "output": port("Output", 1, 8)}  # fmt: skip
    found = flat(nodes, chain(*nodes), repair=True)
    assert found.shapes["output"] == found.shapes["flat"] == (8,)


@pytest.mark.parametrize(("declared", "last"), [((4, 4, 4), 1), ((1, 4, 4, 4), 2), ((2, 8, 4), -1)])
def test_flatten_of_some_axes_or_of_another_shape_is_never_repaired(declared, last):
    net = image_net(start_dim=1, end_dim=last, input_type=np.array(declared))
    assert any(": flatten it wholly;" in problem for problem in refused(*net, repair=True)[0])


def test_flatten_from_1_is_kept_where_its_readers_take_two_axes():
    nodes, edges = image_net(start_dim=1)
    nodes |= {"fc": affine(np.ones((4, 3, 16))), "lif": lif(4, 3), "output": port("Output", 4, 3)}
    found = flat(nodes, edges, repair=True)
    assert (found.repaired, found.shapes["flat"]) == ((), (4, 16))


def test_double_edges_are_dropped_by_repair_alone():
    nodes, edges = small_net()
    found = flat(nodes, [*edges, edges[0]], repair=True)
    assert found.repaired == ("input -> fc: the edge is there 2 times: taken once",)
    assert found.edges == flat(nodes, edges).edges
