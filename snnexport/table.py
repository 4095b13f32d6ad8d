"""Tables of ``verify`` for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from snnexport._verify import Verdict

_WIDTH = 120


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """Return one row a judge: samples, spike values compared, mismatches, first difference."""
    labelled = any(v.accuracy is not None for v in verdicts)
    table = Table(title="hwsim against its judges: every spike of every population")
    table.add_column("judge")
    names = ["samples", "values compared", "mismatches", "same class"]
    for name in names + ["accuracy"] * labelled:
        table.add_column(name, justify="right")
    table.add_column("first difference (step or frame, population, sample, neuron)")
    for v in verdicts:
        a = v.agreement
        numbers = [f"{a.samples:,}", f"{a.compared:,}", _mismatches(v), _percent(v.same_class)]
        accuracy = ["" if v.accuracy is None else _percent(v.accuracy)] * labelled
        name = v.judge.value if v.exact else f"{v.judge.value} (reals)"
        table.add_row(name, *numbers, *accuracy, v.first or "none")
    console = Console(width=_WIDTH)
    with console.capture() as capture:
        console.print(table)
        if not all(v.exact for v in verdicts):
            console.print("Reals differ from integers: what quantization changed, not a fault.")
    return capture.get()


def _mismatches(v: Verdict) -> str:
    """Return the number of mismatches; of a judge in reals also their share."""
    a = v.agreement
    share = "" if v.exact else f" ({a.mismatches / max(a.compared, 1):.2%})"
    return f"{a.mismatches:,}{share}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
