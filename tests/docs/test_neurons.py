"""The table of neurons in the documentation is what the code says."""

from hwsim.arith import WORD
from hwsim.chip import chip_names, load_chip
from hwsim.engines.native.engine import _extension
from hwsim.neurons import NEURONS, registers


def rows():
    targets = {name: load_chip(name).target for name in chip_names()}
    chips = {name: target.registers for name, target in targets.items() if target}
    compiled = _extension().neurons()
    for name, kind in sorted(NEURONS.items()):
        engines = "reference, native, torch" if name in compiled else "reference, torch"
        low, high = kind.MESSAGES
        wide = "32 bit" if kind.MESSAGES == WORD else f"{low}..{high}" if low != high else "none"
        lava = f"`{kind.LAVA}`" if kind.LAVA else "its own Process"
        held = ", ".join(chip for chip in chips if name in chips[chip])
        state, values = (", ".join(names) or "-" for names in (kind.STATE, registers(kind)))
        yield f"| `{name}` | {values} | {state} | {wide} | {engines}, onnx | {lava} | {held} |"


def test_the_table_of_neurons_is_what_the_code_says(root):
    text = (root / "docs" / "neurons.md").read_text()
    table = [line for line in text.splitlines() if line.startswith("| `")]
    assert table == list(rows())
