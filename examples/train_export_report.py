"""The digits end to end: train, export, compare with onnxruntime, simulate, report.

python train_export_report.py [FOLDER] writes program.onnx, lava/, report.json and report.html.
"""

import sys
from pathlib import Path

import hwsim
from hwsim.reporting import Simulation, simulate_and_report
from snnexport import Format, Judge, code_input, export, stages, verify
from snntrain import Recipe, evaluate, fit, load

RECIPE = """
[data]
name = "digits"

[net]
kind = "convnet"
input_shape = [1, 8, 8]
classes = 10
channels = [8]
dense = [32]
decay_u = [1.0, 1.0, 1.0]
decay_v = [0.25, 0.25, 0.0]

[train]
steps = 4
epochs = 8
batch_size = 64
learning_rate = 0.02
"""


def main(folder: Path) -> None:
    """Train on the digits of scikit-learn and write everything into ``folder``."""
    recipe = Recipe.from_text(RECIPE, "RECIPE")
    checkpoint = fit(recipe)
    test = load("digits", "test")
    print(f"in floats: {100 * evaluate(checkpoint, test).accuracy:.1f} % of {len(test)} digits")

    chip = hwsim.load_chip("loihi1")
    done = stages(checkpoint, chip, name="digits")  # capture, fold, quantize, lower
    frames = code_input(test.sequences(slice(None), recipe.train.steps), done.quantized.step)
    export(done, folder, [Format.ONNX, Format.LAVA], frames[:, :8], "digits:test, first 8")

    (verdict,) = verify(done.program, frames, [Judge.ONNXRUNTIME])
    found = verdict.agreement
    print(f"onnxruntime: {found.mismatches} of {found.compared:,} spike values differ")

    how = Simulation(chip=chip, report=folder / "report.json", html=folder / "report.html")
    _, report = simulate_and_report(done.program, frames, how, labels=test.labels)
    print(report.table())


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "digits"))
