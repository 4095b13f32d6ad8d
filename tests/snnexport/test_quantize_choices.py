from dataclasses import replace

import numpy as np
import pytest
from hand_graphs import CHIP, added, equal, problems_of, residual, single
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.arith import truncate_weights
from hwsim.errors import CheckError, FileError
from snnexport.graph import SumPool
from snnexport.passes.calibration import Calibration, Method
from snnexport.passes.choices import Bound, Choices, Granularity, LayerChoice, choices_of
from snnexport.passes.quantize import quantize

GRADED = Calibration(0, 200)
SCALES = st.lists(st.floats(1e-12, 1e12), max_size=4).map(tuple)
LAYERS = st.builds(
    LayerChoice,
    weight_bits=st.integers(2, 8),
    method=st.sampled_from(Method),
    percentile=st.floats(50, 100),
    bound=st.sampled_from(Bound),
    message_bits=st.integers(2, 24),
    scale=SCALES,
)
NAMES = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")), min_size=1)


@settings(max_examples=50, deadline=None)
@given(
    step=st.none() | st.floats(1e-6, 1e6),
    layers=st.dictionaries(NAMES, LAYERS, max_size=3),
    sums=st.dictionaries(NAMES, st.sampled_from(["relay", "copies"]), max_size=3),
)
def test_choices_read_back_are_the_same_to_the_last_bit(step, layers, sums):
    choices = Choices(step, layers, sums)
    assert Choices.from_text(choices.to_toml(), "file") == choices


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("granularity", Granularity)
@pytest.mark.parametrize("method", Method)
def test_quantizing_with_the_choices_that_were_made_gives_the_same_integers(
    rng, bits, granularity, method
):
    choice = LayerChoice(weight_bits=bits, granularity=granularity, method=method, percentile=99.0)
    graph = residual(rng)
    first = quantize(graph, CHIP, GRADED, Choices(layers=dict.fromkeys(("a", "b", "out"), choice)))
    text = choices_of(first).to_toml()
    second = quantize(graph, CHIP, GRADED, Choices.from_text(text, "file"))
    assert equal(first, second)
    assert choices_of(second).to_toml() == text


@pytest.mark.parametrize("way", ["relay", "copies"])
def test_how_a_sum_was_resolved_is_read_back(rng, way):
    graph = added(rng)
    first = quantize(graph, CHIP, Calibration(0, 1), Choices(sums={"sum": way}))
    choices = choices_of(first)
    assert choices.sums == {"sum": way}
    assert equal(first, quantize(graph, CHIP, Calibration(0, 1), choices))
    assert ("sum" in [p.name for p in first.layers]) == (way == "relay")


def test_an_edited_width_is_honoured_in_its_layer_alone(rng):
    graph = residual(rng)
    first = quantize(graph, CHIP, GRADED)
    lines = choices_of(first).to_toml().splitlines()
    start = lines.index('[layers."out"]')
    edited = [*lines[:start], *(x.replace("bits = 8", "bits = 4") for x in lines[start:])]
    second = quantize(graph, CHIP, GRADED, Choices.from_text("\n".join(edited), "file"))
    coarse = second.layer("out").edges[0].weights.weight
    assert (truncate_weights(coarse, 4) == coarse).all()
    assert (coarse != first.layer("out").edges[0].weights.weight).any()
    assert (second.layer("out").scale == first.layer("out").scale).all()
    fine = [g.layer("a").edges[0].weights.weight for g in (first, second)]
    assert (fine[0] == fine[1]).all()


def test_a_doubled_scale_halves_the_integers(rng):
    graph = residual(rng)
    first = quantize(graph, CHIP, GRADED)
    choices = choices_of(first)
    doubled = tuple(2 * s for s in choices.of("out").scale)
    layers = {**choices.layers, "out": replace(choices.of("out"), scale=doubled)}
    second = quantize(graph, CHIP, GRADED, replace(choices, layers=layers))
    a, b = (g.layer("out").edges[0].weights.weight for g in (first, second))
    assert np.abs(a - 2 * b).max() <= 2
    assert choices_of(second).of("out").scale == doubled


def test_one_scale_a_layer_is_the_largest_of_its_channels(rng):
    graph = residual(rng)
    by_channel = quantize(graph, CHIP, GRADED, Choices(1.0))
    layers = {"a": LayerChoice(granularity=Granularity.LAYER)}
    shared = quantize(graph, CHIP, GRADED, Choices(1.0, layers))
    assert (shared.layer("a").scale == by_channel.layer("a").scale.max()).all()


def test_a_scale_too_small_is_an_error_that_names_layer_value_and_limit(rng):
    graph = residual(rng)
    choices = choices_of(quantize(graph, CHIP, GRADED))
    for name, pattern in [
        ("a", r"a: scale = .* of channel \d does not fit: the current is .* times its limit"),
        (
            "out",
            r"out: scale = .* does not fit the weights of fc: they need \d+ parallel .* limit is 8",
        ),
    ]:
        tiny = tuple(s / 50 for s in choices.of(name).scale)
        layers = {**choices.layers, name: replace(choices.of(name), scale=tiny, weight_bits=8)}
        if name == "a":
            layers[name] = replace(
                layers[name], scale=tuple(s / 1.5 for s in choices.of(name).scale)
            )
        with pytest.raises(CheckError, match=pattern):
            quantize(graph, CHIP, GRADED, replace(choices, layers=layers))


def test_impossible_choices_are_all_listed_by_layer(rng):
    layers = {
        "nobody": LayerChoice(),
        "a": LayerChoice(scale=(1.0, 2.0)),
        "out": LayerChoice(bound=Bound.OBSERVED),
    }
    found = problems_of(residual(rng), CHIP, GRADED, Choices(1.0, layers, {"b": "relay"}))
    assert [p.split(":")[0] for p in found] == ["nobody", "b", "a"]


def test_channels_that_must_share_a_scale_cannot_be_given_several(rng):
    weight = rng.normal(size=(2, 4))
    graph = single(weight)
    pool = SumPool((1, 1), (1, 1), (0, 0), np.array([0.5]))
    edge = replace(graph.layer("x").edges[0], stages=(pool,))
    layer = replace(graph.layer("x"), shape=(2, 2, 1), edges=(edge,))
    graph = replace(graph, layers=(layer,), input_shape=(2, 2, 1))
    found = problems_of(
        graph, CHIP, Calibration(0, 1), Choices(1.0, {"x": LayerChoice(scale=(0.1, 0.2))})
    )
    assert found == ["x: scale differs by channel, but its channels share one"]


def test_a_kept_sum_takes_no_scale_and_a_sum_that_is_gone_no_choices(rng):
    for way, message in [
        ("relay", "its weights are integers and kept"),
        ("copies", "is added up by its readers"),
    ]:
        choices = Choices(1.0, {"sum": LayerChoice(scale=(0.5,))}, {"sum": way})
        assert message in problems_of(added(rng), CHIP, Calibration(0, 1), choices)[0]


def test_every_wrong_key_and_value_of_a_file_is_listed_at_once():
    text = """
    [sums]
    s = "or"
    [layers.a]
    weight_bits = 9
    granularity = "pixel"
    colour = "red"
    [layers.b]
    scale = [0.0]
    [layers.c]
    granularity = "layer"
    scale = [1.0, 2.0]
    [input]
    step = -1
    """
    with pytest.raises(CheckError) as error:
        Choices.from_text(text, "choices.toml")
    places = [
        "input.step",
        "sums.s",
        "layers.a.colour",
        "layers.a.weight_bits",
        "layers.a.granularity",
    ]
    places += ["layers.b.scale", "layers.c.scale"]
    assert [p.split(" ")[0] for p in error.value.problems] == places


@pytest.mark.parametrize("text", ["[layers]\na = 3", "[input]\nstep = 'x'", "[other]", "sums = 3"])
def test_tables_of_the_wrong_kind_are_refused(text):
    with pytest.raises(CheckError):
        Choices.from_text(text, "choices.toml")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"layers = ["])
def test_a_file_that_is_not_toml_is_refused_with_its_name(tmp_path, content):
    path = tmp_path / "choices.toml"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"choices\.toml"):
        Choices.load(path)
    with pytest.raises(FileError, match="no such file"):
        Choices.load(tmp_path / "none.toml")
