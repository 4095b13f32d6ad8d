"""What a NIR file leaves open, answered as each framework answers it: semantics profiles.

NIR describes neurons in continuous time. How long a step is, how a leak becomes discrete, what a
spike leaves behind, whether reaching the threshold is enough: none of it is in a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from hwsim.errors import UnsupportedError, known_hint

DT = 1e-4
"""Seconds a step, as the files of most exporters were written (nir's paper, snnTorch 1.0.0)."""


class Leak(Enum):
    """Which fraction of a state a step takes."""

    EULER = "dt/tau"
    EXPONENTIAL = "1 - exp(-dt/tau)"


class Gain(Enum):
    """What an input of a leaky neuron is multiplied with."""

    EULER = "r dt/tau"
    EXPONENTIAL = "r (1 - exp(-dt/tau))"
    PLAIN = "dt/tau (r dt/tau with a current)"
    STEP = "r"


class Integrator(Enum):
    """What an input of a neuron without leak is multiplied with."""

    TIMED = "r dt"
    STEP = "r"
    PLAIN = "1"


class CurrentGain(Enum):
    """What an input is multiplied with on its way into a current, where that has its own leak."""

    LEAK = "w_in dt/tau_syn, or with exp"
    PLAIN = "w_in"


class Unit(Enum):
    """What the voltage is measured in."""

    FILE = "as in the file"
    INPUT = "inputs (threshold / gain)"
    THRESHOLD = "thresholds"


class Reset(Enum):
    """What a spike leaves of the voltage: v_reset, or what exceeds the threshold.

    LATE: the threshold is subtracted in the step after, from what has leaked by then.
    """

    ZERO = "zero"
    SUBTRACT = "subtract"
    LATE = "subtract-late"


class Current(Enum):
    """Which current the voltage of a CubaLIF hears: this step's, or that of the step before."""

    NEW = "new"
    OLD = "old"


@dataclass(frozen=True)
class Profile:
    """How a framework runs what NIR leaves open, or what its exporter means by it.

    dt: seconds a step where none is given; None: tau counts steps. integrator: the gain of an IF.
    current_gain: that of a CubaLIF up to its current. guessed: fields that the framework leaves
    open and its files do not tell, in words.
    inclusive: it fires at ``v >= threshold``. most: spikes a step, 0 for any number. floor: the
    voltage of an IF ends at minus its threshold. lag: frames by which spikes come late.
    late_bias: a bias on the way of feedback enters from the second step on.
    tau_is_times: seconds that every tau was multiplied with. exact_gain: r must be ``tau/dt`` and
    w_in ``tau_syn/dt``. refuses: kinds of nodes, each with the reason.
    """

    name: str
    about: str
    source: str
    dt: float | None = DT
    leak: Leak = Leak.EULER
    gain: Gain = Gain.EULER
    integrator: Integrator = Integrator.TIMED
    current_gain: CurrentGain = CurrentGain.LEAK
    unit: Unit = Unit.FILE
    reset: Reset = Reset.ZERO
    hears: Current = Current.NEW
    guessed: Mapping[str, str] = field(default_factory=dict)
    inclusive: bool = False
    most: int = 1
    floor: bool = False
    lag: int = 0
    late_bias: bool = False
    tau_is_times: float = 1.0
    exact_gain: bool = False
    refuses: Mapping[str, str] = field(default_factory=dict)

    def with_choices(
        self, *, reset: Reset | None = None, hears: Current | None = None, most: int | None = None
    ) -> Profile:
        """Return the profile with what is given instead of its own, which is then no guess."""
        given = {"reset": reset, "hears": hears, "most": most}
        chosen: dict[str, Any] = {n: value for n, value in given.items() if value is not None}
        guessed = {n: words for n, words in self.guessed.items() if n not in chosen}
        return replace(self, **chosen, guessed=guessed)


_NO_CURRENT = "its files do not tell with which gain an input enters the current"
_RESET_LOST = (
    "reset to zero at once, as snnTorch's importer does; its exporter drops the reset "
    "(snn.Leaky by default: --reset subtract-late)"
)
_NEW = (
    "that the voltage of a step hears the current of this step (--current old: of the one before)"
)
_PAPER = "neuromorphs/NIR paper/01_lif"

_ALL = (
    Profile(
        "nir-euler",
        "NIR's equations with forward Euler",
        "Pedersen et al. 2024, arXiv 2311.14641; Norse 1.1.0 computes the same of a LIF",
        guessed={"hears": _NEW},
    ),
    Profile(
        "nir-exponential",
        "NIR's equations solved exactly for an input that is constant within a step",
        "Pedersen et al. 2024, arXiv 2311.14641",
        leak=Leak.EXPONENTIAL,
        gain=Gain.EXPONENTIAL,
        guessed={"hears": _NEW},
    ),
    Profile(
        "nengo",
        "as Nengo ran the paper's network: exponential, voltages in units of the threshold",
        f"{_PAPER} (nengo)",
        leak=Leak.EXPONENTIAL,
        gain=Gain.EXPONENTIAL,
        unit=Unit.THRESHOLD,
        refuses={"CubaLIF": _NO_CURRENT, "CubaLI": _NO_CURRENT},
    ),
    Profile(
        "snntorch",
        "as snnTorch's import_from_nir runs a file, and its export_to_nir writes beta",
        "snnTorch 1.0.0 import_nir.py, export_nir.py",
        unit=Unit.INPUT,
        integrator=Integrator.STEP,
        guessed={"reset": _RESET_LOST},
    ),
    Profile(
        "spikingjelly",
        "as SpikingJelly's nir_exchange reads and writes",
        "SpikingJelly 2.0.0 activation_based/nir_exchange",
        inclusive=True,
    ),
    Profile(
        "norse",
        "as Norse's from_nir runs a file: r of a LIF, LI or IF is not looked at",
        "Norse 1.1.0 utils/import_nir.py",
        dt=1e-3,
        gain=Gain.PLAIN,
        integrator=Integrator.PLAIN,
        late_bias=True,  # nirtorch 2.6 GraphExecutor: nothing was sent before the first step
    ),
    Profile(
        "norse-export",
        "what Norse's to_nir means: it writes every tau multiplied by its step",
        "Norse 1.1.0 utils/export_nir.py",
        dt=1e-3,
        integrator=Integrator.PLAIN,
        current_gain=CurrentGain.PLAIN,
        tau_is_times=1e-3,
    ),
    Profile(
        "sinabs",
        "as sinabs reads and writes: tau in steps, several spikes a step, reset by subtraction",
        "sinabs 3.1.3 nir.py",
        dt=None,
        leak=Leak.EXPONENTIAL,
        gain=Gain.STEP,
        integrator=Integrator.STEP,
        reset=Reset.SUBTRACT,
        inclusive=True,
        most=0,
        floor=True,
        refuses={"CubaLIF": "sinabs does not read it", "CubaLI": "sinabs does not read it"},
    ),
    Profile(
        "speck",
        "as sinabs prepares a network for the chip Speck: integrate-and-fire alone",
        "sinabs 3.1.3 nir.py; Speck has no leak",
        dt=None,
        integrator=Integrator.STEP,
        reset=Reset.SUBTRACT,
        inclusive=True,
        most=0,
        floor=True,
        refuses=dict.fromkeys(("LIF", "CubaLIF", "LI", "CubaLI"), "Speck has no leak"),
    ),
    Profile(
        "rockpool",
        "as Rockpool and Xylo ran the paper's network: up to 31 spikes a step, by subtraction",
        f"{_PAPER} (rockpool)",
        leak=Leak.EXPONENTIAL,
        reset=Reset.SUBTRACT,
        inclusive=True,
        most=31,
        refuses={"CubaLIF": _NO_CURRENT, "CubaLI": _NO_CURRENT},
    ),
    Profile(
        "spyx",
        "as Spyx ran the paper's network: a spike comes a step late, and so does its reset",
        f"{_PAPER} (spyx)",
        reset=Reset.LATE,
        lag=1,
    ),
    Profile(
        "spinnaker2",
        "as SpiNNaker2 runs the forward integrator with a reset to zero",
        f"{_PAPER} (s2)",
        unit=Unit.INPUT,
    ),
    Profile(
        "lava",
        "as the paper's script for Lava; its fixed point also rounds decays down",
        f"{_PAPER} (lava)",
    ),
    Profile(
        "lava-dl",
        "as the scripts for lava-dl: the gain is 1",
        "lava-dl 0.6.0 slayer.block.cuba; paper/03_rnn (lava-dl)",
        exact_gain=True,
    ),
)
PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in _ALL}
"""The profiles by the name that ``--profile`` takes."""


def profile_of(name: str) -> Profile:
    """Return the profile called ``name``; UnsupportedError, if there is none."""
    if name not in PROFILES:
        hint = f"{known_hint(PROFILES, name)} (docs/nir.md)"
        raise UnsupportedError(f"there is no profile {name!r}", hint=hint)
    return PROFILES[name]
