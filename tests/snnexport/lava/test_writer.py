"""The artefact is readable Python that says what it is, and refuses what Lava would change."""

import ast
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program
from hwsim.errors import RangeError, UnsupportedError
from hwsim.files import read_npz
from snnexport.formats.lava import write_lava
from snnexport.lava.python import find_uv, obtain_python


def chain(*synapses, names=("1.spike", "class", "a-b", "a.b"), neuron=None, low=0, high=1):
    """A Program of one population a synapse, from an input of 2 neurons."""
    shape, source = (2, 1, 1), "in"
    populations, connections = [], []
    for latency, (name, synapse) in enumerate(zip(names, synapses, strict=False), start=1):
        shape = synapse.output_shape(shape)
        populations.append(Population(name, shape, neuron or Cuba.integrator(640), latency))
        connections.append(Connection(source, name, synapse, graded=high > 1))
        source = name
    entry = Input("in", (2, 1, 1), low, high)
    return Program("chain", "loihi2", entry, tuple(populations), tuple(connections), source)


SQUARE = Dense(np.array([[2, -4], [6, 8]]))


def test_artefact_is_python_with_inline_dependencies_identity_and_exact_names(tmp_path):
    write_lava(chain(SQUARE, SQUARE, SQUARE, SQUARE), tmp_path, sha256="abc123")
    text = (tmp_path / "network.py").read_text()
    ast.parse(text, feature_version=(3, 10))
    assert '# requires-python = "==3.10.*"\n' in text
    assert '# dependencies = ["lava-nc==0.10.0", "numpy<2"]\n' in text
    assert "PROGRAM_SHA256 = 'abc123'" in text
    for name in ("1.spike", "class", "a-b", "a.b", "1.spike->class"):
        assert f"        {name!r}: " in text
    variables = re.findall(r"^    (\w+) = LIF\($", text, re.MULTILINE)
    assert variables == ["p_1_spike", "p_class", "a_b", "a_b_2"]
    assert all(variable.isidentifier() for variable in variables)
    found = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert found == ["network.py", "probe/recorder.py", "weights.npz"]


def test_conv_weights_are_flipped_and_stored_in_lavas_layout(tmp_path):
    conv = Conv2d(np.arange(24).reshape(2, 2, 2, 3), padding=(1, 1))
    write_lava(chain(conv), tmp_path)
    (stored,) = read_npz(tmp_path / "weights.npz").values()
    assert stored.shape == (2, 3, 2, 2)
    np.testing.assert_array_equal(stored[1, 0, 1], conv.weight[1, :, 0, 2])


def test_all_weights_that_lava_would_change_are_refused_together(tmp_path):
    odd, wide = np.array([[3, -2], [1, 4]]), np.array([[256, 2], [4, 8]])
    with pytest.raises(UnsupportedError) as caught:
        write_lava(chain(Dense(odd), SQUARE, Dense(wide)), tmp_path)
    assert "2 problem(s)" in caught.value.message
    assert "in->1.spike: Lava would change 2 of 4 weights" in caught.value.message
    assert "class->a-b: Lava would change 1 of 4 weights" in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_sums_beyond_32_bits_are_refused_by_name(tmp_path):
    huge = Conv2d(np.full((2, 2, 1, 1), 1 << 20))
    write_lava(chain(huge, high=1023), tmp_path)
    with pytest.raises(UnsupportedError, match=r"in->1\.spike: a sum of 2147483648 does not fit"):
        write_lava(chain(huge, high=1024), tmp_path)
    with pytest.raises(UnsupportedError, match="does not fit 32 bits"):
        write_lava(chain(replace(SQUARE, exponent=28)), tmp_path)


def test_bias_beyond_lavas_mantissa_is_refused_with_population_and_value(tmp_path):
    write_lava(chain(SQUARE, neuron=Cuba.integrator(640, [32767, 40000])), tmp_path)
    with pytest.raises(RangeError, match=r"1\.spike: bias = 40001 does not fit .*1 of 2 values"):
        write_lava(chain(SQUARE, neuron=Cuba.integrator(640, [32767, 40001])), tmp_path)


def test_synapse_and_neuron_without_a_lava_process_are_refused_by_name(tmp_path):
    class Sparse(Dense):
        """A kind that the writer does not know."""

    class Odd(Cuba):
        """A neuron that only looks like one."""

    net = chain(Sparse(SQUARE.weight), neuron=Odd.integrator(640))
    with pytest.raises(UnsupportedError) as caught:
        write_lava(net, tmp_path)
    assert "no Lava Process for Sparse" in caught.value.message
    assert "no Lava Process for the neuron Odd" in caught.value.message


@pytest.mark.lava
def test_artefact_runs_alone_as_a_script_and_its_build_is_open_to_other_processes(tmp_path):
    write_lava(chain(SQUARE, names=("out",), neuron=Cuba.integrator(64)), tmp_path)
    np.save(tmp_path / "in.npy", np.ones((3, 1, 2, 1, 1), np.int8))
    network, python = tmp_path / "network.py", obtain_python(60)
    script = [find_uv(), "run", "--quiet", "--python", python, "--script", network]
    subprocess.run([*script, tmp_path / "in.npy", tmp_path / "out.npz", "--steps", "5"], check=True)
    arrays = read_npz(tmp_path / "out.npz")
    assert list(arrays) == ["out/spikes"]
    assert arrays["out/spikes"].tolist() == [[[0, 0]], [[0, 1]], [[0, 1]], [[0, 1]], [[0, 0]]]
    text = network.read_text().replace(
        '\nif __name__ == "__main__":',
        "\nif True:\n    n = build(); print({k: type(v).__name__ for k, v in n.items()});"
        " RingBuffer(data=np.ones((2, 4))).s_out.connect(n['in->out'].s_in); raise SystemExit\n"
        "if False:",
    )  # fmt: skip
    network.write_text(text)
    said = subprocess.run(script, capture_output=True, check=True).stdout
    assert said.decode().strip() == "{'out': 'LIF', 'in->out': 'Dense'}"
    find = [find_uv(), "python", "find", "--script", network]  # uv keeps one a script
    used = Path(subprocess.run(find, capture_output=True, check=True).stdout.decode().strip())
    if "environments-v2" in used.parts:
        shutil.rmtree(used.parents[1])
