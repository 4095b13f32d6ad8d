"""The table of profiles in docs/nir.md: ``python -m snnexport.formats.nir.page docs/nir.md``."""

from __future__ import annotations

import sys
from pathlib import Path

from hwsim.files import write_atomic
from snnexport.formats.nir.profiles import PROFILES, Profile, Unit

START, END = "<!-- profiles -->", "<!-- end -->"
_COLUMNS = (
    "profile",
    "step",
    "decay",
    "gain",
    "integrator",
    "reset",
    "fires at",
    "meaning, source",
)
_HEAD = f"| {' | '.join(_COLUMNS)} |\n|{'---|' * len(_COLUMNS)}"


def with_table(text: str) -> str:
    """Return the page ``text`` with the table of profiles as it is now."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    rows = "\n".join(_row(profile) for profile in PROFILES.values())
    return f"{before}{START}\n{_HEAD}\n{rows}\n{END}{after}"


def _row(profile: Profile) -> str:
    step = "1" if profile.dt is None else f"{profile.dt:g} s"
    gain = profile.gain.value
    if profile.unit is not Unit.FILE:
        gain += f"; voltages in {profile.unit.value}"
    reset = profile.reset.value + (f", {profile.lag} step later" if profile.lag else "")
    spikes = {0: ", several spikes", 1: ""}.get(profile.most, f", up to {profile.most} spikes")
    fires = (">=" if profile.inclusive else ">") + spikes
    about = f"{profile.about}. {profile.source}"
    cells = [
        f"`{profile.name}`",
        step,
        profile.leak.value,
        gain,
        profile.integrator.value,
        reset,
        fires,
    ]
    return f"| {' | '.join([*cells, about])} |"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    write_atomic(page, with_table(page.read_text()).encode())
