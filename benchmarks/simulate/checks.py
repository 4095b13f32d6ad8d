"""The figures of spikeport that have targets, beside its ratios to other tools."""

from __future__ import annotations

from hwsim.engines.native import Native
from simulate import general, ours
from simulate.bound import Rates
from simulate.case import Case, Figure

Checks = dict[tuple[str, str], float]
"""Values by case and metric, to be held against the targets."""
OLDER = ("v3", "baseline")


def own_checks(case: Case, figures: list[Figure], rates: Rates, repeat: int) -> Checks:
    """Return what ``figures``, of :func:`simulate.ours.measure`, say of a case, and more of N1."""
    batch = figures[0]
    assert batch.memory_mb is not None
    found = {
        "Gsynop/s": case.synops / batch.cpu_us / 1e3,
        "share of the bound": rates.bound_us(case) / batch.cpu_us,
        "speed of two threads": ours.two_threads(case, repeat),
        "memory MB": batch.memory_mb,
        **_older(case, repeat),
    }
    if case.name == "n1":
        found["s to first result"] = ours.fresh(case.program, case.frames[:, :1]).first_s
        slowdowns = general.slowdowns(repeat)
        found |= {f"slowdown by {what}": value for what, value in slowdowns.items()}
    return {(case.name, metric): value for metric, value in found.items()}


def _older(case: Case, repeat: int) -> dict[str, float]:
    """Return the speed of the variants for older processors over that of the usual one."""
    machines = [ours.exact(case, Native(case.program, variant)) for variant in (None, *OLDER)]
    actions = [ours.running(machine, case.frames[:, :4]) for machine in machines]
    usual, *others = (took.cpu_s for took in ours.fastest(actions, repeat))
    return {f"speed of {v}": usual / s for v, s in zip(OLDER, others, strict=True)}
