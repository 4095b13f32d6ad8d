"""One neuron on eleven platforms: each stored trace, by the profile that says how it was run.

The traces are of the NIR paper's first task (Pedersen et al. 2024), kept beside the repository.
"""

from pathlib import Path

import numpy as np
import pytest

from hwsim.chip import load_chip
from hwsim.simulate import run
from snnexport import Calibration, Choices, LayerChoice, fold, lava, lower, quantize
from snnexport.formats.nir.load import read_nir
from snnexport.formats.nir.profiles import PROFILES, Current, Reset
from snnexport.interpret import interpret
from snnexport.passes.choices import Decays

FOLDER = Path(__file__).parents[4] / "shared" / "golden" / "nir_lif"
FILE = FOLDER / "lif_norse.nir"
pytestmark = pytest.mark.skipif(
    not FILE.exists(), reason="there is no shared/golden beside the repository"
)
SPIKES = {"early": [450, 500, 710, 760], "late": [460, 510, 710, 760]}


def trace(platform):
    """Return input, voltage and spikes (1000,) of the neuron on ``platform``."""
    return np.loadtxt(FOLDER / f"lif_{platform}.csv", delimiter=",").T


def played(profile, frames, **options):
    """Return the voltage that the threshold saw, and the steps with spikes."""
    graph = read_nir(FILE, profile=profile, **{"dt": 1e-4, **options})
    activity = interpret(graph, frames.reshape(-1, 1, 1))
    name = graph.output
    return activity.voltages[name].ravel(), np.flatnonzero(activity.spikes[name])


@pytest.mark.parametrize(
    ("profile", "platform", "kept"),
    [
        ("nir-euler", "norse", 0.0),
        ("norse", "norse", 0.0),
        ("nengo", "nengo", 0.0),
        ("snntorch", "snntorch", 0.0),
        ("sinabs", "sinabs", 0.1),
        ("rockpool", "rockpool", 0.1),
    ],
)
def test_a_profile_gives_the_voltages_and_spikes_of_its_platform(profile, platform, kept):
    x, v, spikes = trace(platform)
    seen, fired = played(profile, x)
    after = seen.copy()
    after[fired] = seen[fired] - kept if kept else 0.0  # the traces are read after the reset
    assert np.abs(after - v).max() < 1e-6  # of float32, up to 2.5 on snnTorch
    assert fired.tolist() == np.flatnonzero(spikes).tolist()
    assert fired.tolist() == SPIKES["early" if kept else "late"]


def test_spyx_fires_and_resets_a_step_after_the_voltage_has_passed_its_threshold():
    x, v, spikes = trace("spyx")
    seen, fired = played("spyx", x)
    assert np.abs(seen - v).max() < 1e-6
    assert (fired + PROFILES["spyx"].lag).tolist() == np.flatnonzero(spikes).tolist()


def test_spinnaker2_differs_by_the_rounding_of_its_one_weight_alone():
    x, v, spikes = trace("spinnaker2")
    seen, fired = played("spinnaker2", x)
    seen[fired] = 0.0
    assert np.abs(seen * (102 / 102.02) - v).max() < 2e-6  # by hand: 102.02 became 102
    assert fired.tolist() == np.flatnonzero(spikes).tolist()


def test_the_exact_solution_differs_only_by_what_a_reset_within_a_step_leaves():
    x, v, spikes = trace("exact")
    seen, fired = played("nir-exponential", x)
    assert fired.tolist() == np.flatnonzero(spikes).tolist()
    assert np.abs(seen - v)[: fired[0]].max() < 1e-9
    # within the step it reaches 0.1, is set to 0 there, and goes on for what is left of the step
    left = np.exp(-0.04) * (1 - v[fired[0] - 1]) / 0.9
    assert v[fired[0]] == pytest.approx(1 - left, abs=1e-8)  # 0.1 is a float32 in the file


def test_lava_in_floats_is_forward_euler_one_step_later():
    _, v, spikes = trace("lava_cpu_float")
    seen, fired = played("lava", np.r_[0.0, trace("norse")[0][:-1]])
    seen[fired] = 0.0
    assert np.abs(seen - v).max() < 1e-6
    assert fired.tolist() == np.flatnonzero(spikes).tolist()


@pytest.fixture(scope="module")
def program():
    """The neuron in Lava's fixed point: weight 10, threshold 25, decay 163."""
    graph = fold(read_nir(FILE, profile="nir-euler", dt=1e-4))
    chosen = Choices(layers={"1": LayerChoice(scale=(0.004,), decays=Decays.DOWN)})
    chip = load_chip("loihi2")
    return lower(quantize(graph, chip, Calibration(0, 1), chosen), chip)


@pytest.fixture(scope="module")
def machine(program):
    """What hwsim records of it: voltages and spikes (1000,) in machine time."""
    frames = trace("norse")[0].astype(np.int64).reshape(-1, 1, 1)
    recorded = run(program, frames, steps=1000, record="state").trace
    return recorded.v["1"].ravel(), recorded.spikes["1"].ravel()


def test_the_program_equals_lavas_fixed_point_in_all_voltages_and_spikes(machine):
    v, spikes = machine
    _, theirs, fired = trace("lava_cpu_fixed")
    assert (v == theirs).sum() == 1000
    assert (spikes == fired).all()


def test_the_program_equals_the_chip_but_for_its_probe_in_the_steps_of_spikes(machine):
    v, spikes = machine
    _, theirs, fired = trace("lava_loihi_fixed")
    assert np.flatnonzero(spikes).tolist() == np.flatnonzero(fired).tolist() == [461, 511, 711, 761]
    differ = np.flatnonzero(v != theirs)
    assert differ.tolist() == [461, 511, 711, 761]
    assert set(theirs[differ]) == {128}
    assert set(v[differ]) == {0}


def test_the_program_runs_on_real_lava_with_the_same_spikes(program):
    frames = trace("norse")[0].astype(np.int64).reshape(-1, 1, 1)
    theirs = lava.run(program, frames, steps=1000).trace
    assert np.flatnonzero(theirs.spikes["1"]).tolist() == [461, 511, 711, 761]


def test_a_reset_that_was_chosen_is_no_guess_any_more():
    late = PROFILES["snntorch"].with_choices(reset=Reset.LATE)
    assert late.reset is Reset.LATE
    assert not late.guessed
    assert PROFILES["nir-euler"].with_choices(hears=Current.OLD).guessed == {}
