"""The table of verdicts: every number where its column says, in the units of its head."""

import pytest

from hwsim.energy import Agreement
from snnexport._judges import Judge
from snnexport._verify import Verdict
from snnexport.table import verdict_table


def cells(*verdicts):
    """Return the head and the rows of the table, and the text below it."""
    lines = verdict_table(verdicts).splitlines()
    rows = [line for line in lines if line.startswith(("│", "┃"))]
    split = [[cell.strip() for cell in row.replace("┃", "│").split("│")[1:-1]] for row in rows]
    first = next(n for n, row in enumerate(rows) if row.startswith("│"))
    head = [" ".join(parts).strip() for parts in zip(*split[:first], strict=True)]
    below = [line for line in lines[1:] if line[:1].isalpha()]
    return head, split[first:], below


def verdict(judge=Judge.NATIVE, mismatches=0, first=None, *, compared=12_345, **shares):
    agreement = Agreement(samples=2_000, compared=compared, mismatches=mismatches)
    return Verdict(judge, agreement, first, **{"same_class": 1.0, **shares})


def test_a_judge_that_agrees_has_no_first_difference_and_no_share():
    head, rows, below = cells(verdict())
    assert head[:5] == ["judge", "samples", "values compared", "mismatches", "same class"]
    assert rows == [["native", "2,000", "12,345", "0", "100.00 %", "none"]]
    assert below == []


def test_a_judge_in_reals_is_named_so_with_the_share_of_mismatches():
    shares = {"same_class": 0.98765}
    _, rows, below = cells(
        verdict(Judge.TORCH, 1_234, "step 3", **shares), verdict(Judge.LAVA, 1_234, "step 4")
    )
    assert rows == [
        ["torch (reals)", "2,000", "12,345", "1,234 (10.00%)", "98.77 %", "step 3"],
        ["lava", "2,000", "12,345", "1,234", "100.00 %", "step 4"],
    ]
    assert below == ["Reals differ from integers: what quantization changed, not a fault."]


def test_accuracies_have_a_column_as_soon_as_one_judge_knows_the_labels():
    head, rows, _ = cells(verdict(accuracy=0.5), verdict(Judge.ONNXRUNTIME))
    assert head[5] == "accuracy"
    assert [row[5] for row in rows] == ["50.00 %", ""]
    assert "accuracy" not in cells(verdict())[0]


@pytest.mark.parametrize(("compared", "share"), [(0, "0.00%"), (1, "100.00%"), (3, "33.33%")])
def test_the_share_of_nothing_compared_is_0(compared, share):
    mismatches = min(compared, 1)
    _, ((_, _, _, found, *_),), _ = cells(verdict(Judge.TORCH, mismatches, compared=compared))
    assert found == f"{mismatches} ({share})"
