"""The main job on real data: export the shipped digits model, simulate, verify, report."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from hwsim.chip import Chip
from hwsim.energy import Context, Report
from hwsim.reporting import Simulation, simulate_and_report
from hwsim.simulate import Stages, stage
from snnexport._export import Format, export, golden_input
from snnexport._stages import stages
from snnexport._verify import Judge, require_agreement, verify
from snnexport.shipped import shipped_checkpoint
from snnexport.source import coded
from snntrain import evaluate
from snntrain.checkpoint import Checkpoint
from snntrain.data import load

MODEL = "digits-conv"


def run_demo(
    out: Path,
    chip: Chip,
    samples: int,
    *,
    say: Callable[[str], None],
    progress: Stages | None = None,
) -> Report:
    """Write the artefacts, ``report.json`` and ``report.html`` into ``out``.

    The whole test split is simulated; the first ``samples`` of it are streamed through real
    Lava, one after the other, and every spike is compared. ``say`` gets a line a stage,
    ``progress`` is called while machines run.

    Raises
    ------
    MismatchError
        If one spike differs; the report is written all the same.
    """
    checkpoint = Checkpoint.load(shipped_checkpoint(MODEL))
    test = load(checkpoint.recipe.data.name, "test")
    say(f"1/5 evaluate {MODEL} in float on {len(test.labels)} test images")
    accuracy = evaluate(checkpoint, test, progress=stage(progress, "evaluate")).accuracy
    say(f"2/5 fold, quantize to 8 bits, align, lower for {chip.name}, export to {out}")
    done = stages(checkpoint, chip, name=MODEL)
    export(done, out, [Format.ONNX, Format.LAVA], *golden_input(checkpoint, done.program))
    frames = coded(done.program, test.images)
    say("3/5 compare with onnxruntime, every test image from rest")
    verdicts = verify(done.program, frames, [Judge.REFERENCE, Judge.ONNXRUNTIME], progress=progress)
    count = min(samples, len(test.labels))
    say(f"4/5 stream {count} test images through real Lava")
    folder = out / "lava"
    verdicts += verify(
        done.program, frames[:, :count], [Judge.LAVA], lava_folder=folder, progress=progress
    )
    say("5/5 simulate the whole test split, count and price")
    context = Context(
        program=MODEL,
        sha256=sha256((out / "program.onnx").read_bytes()).hexdigest(),
        data=test.name,
        split=test.split,
        accuracy_float=accuracy,
        agreement={v.judge.value: v.agreement for v in verdicts},
    )
    how = Simulation(chip=chip, report=out / "report.json", html=out / "report.html")
    _, report = simulate_and_report(
        done.program, frames, how, context=context, labels=test.labels, progress=progress
    )
    require_agreement(verdicts)
    return report
