"""The artefact is readable Python that says what it is, and refuses what Lava would change."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import hwsim
from hwsim import (
    Connection,
    Conv2d,
    Cuba,
    CubaLateReset,
    CubaRefractory,
    CubaSubtract,
    Delta,
    Dense,
    Gate,
    GradedRelay,
    Input,
    LeakyIntegrator,
    MultiSpike,
    Population,
    Program,
    Sigma,
    SigmaDelta,
    Ternary,
)
from hwsim.arith import SignMode, truncate_weights
from hwsim.errors import UnsupportedError
from hwsim.files import read_npz
from snnexport.formats.lava import unsupported, write_lava
from snnexport.lava.python import clean_environment, find_uv, obtain_python


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


def test_convolution_sums_beyond_32_bits_are_refused_by_name(tmp_path):
    huge = Conv2d(np.full((2, 2, 1, 1), 1 << 20))
    write_lava(chain(huge, high=1023), tmp_path)
    with pytest.raises(UnsupportedError, match=r"in->1\.spike: a sum of 2147483648 does not fit"):
        write_lava(chain(huge, high=1024), tmp_path)
    assert unsupported(chain(Dense(np.full((2, 2), 254), 28), high=1 << 30)) == []


def test_messages_of_32_bits_may_pass_a_convolution_that_does_not_enlarge_them():
    one = Conv2d(np.eye(2, dtype=int).reshape(2, 2, 1, 1))
    assert unsupported(chain(one, low=-(2**31), high=2**31 - 1)) == []
    (problem,) = unsupported(chain(Conv2d(-one.weight), low=-(2**31), high=2**31 - 1))
    assert "a sum of 2147483648 does not fit 32 bits" in problem


def test_bias_beyond_lavas_mantissa_is_refused_with_population_and_value(tmp_path):
    write_lava(chain(SQUARE, neuron=Cuba.integrator(640, [32767, 40000])), tmp_path)
    odd = chain(SQUARE, Dense(np.array([[3, -2]])), neuron=Cuba.integrator(640, 40001))
    with pytest.raises(UnsupportedError, match=r"1\.spike: bias = 40001 does not fit .*1 of 1 v"):
        write_lava(odd, tmp_path)
    assert len(unsupported(odd)) == 3, "both biases and the weights, at once"


def test_a_bias_of_any_width_runs_where_the_neurons_own_step_does(tmp_path):
    subtract = CubaSubtract(4096, 0, 640, 40001)
    assert unsupported(chain(SQUARE, neuron=subtract)) == []


def test_synapse_without_a_lava_process_is_refused_by_name(tmp_path):
    class Ring(Dense):
        """A kind that the writer does not know."""

    with pytest.raises(UnsupportedError, match="no Lava Process for Ring"):
        write_lava(chain(Ring(SQUARE.weight)), tmp_path)


def kind_of(program, folder, name):
    """The class that network.py makes a population of."""
    write_lava(program, folder)
    text = (folder / "network.py").read_text()
    return re.search(rf"^    {name} = ([\w.]+)\($", text, re.MULTILINE).group(1)


SOME, MANY = 64, np.array([64, 128])


@pytest.mark.parametrize(
    ("neuron", "free", "periodic"),
    [
        (Cuba.integrator(MANY), "LIF", "LIFReset"),
        (LeakyIntegrator(MANY, 0), "LIF", "LIFReset"),
        (Gate(MANY), "LIF", "LIF"),
        (GradedRelay(SOME), "GradedVec", "GradedVec"),
        (GradedRelay(MANY), "machine.GradedRelay", "machine.GradedRelay"),
        (Ternary(MANY, 0, SOME, -SOME), "TernaryLIF", "machine.Ternary"),
        (Ternary(0, 0, MANY, -SOME), "machine.Ternary", "machine.Ternary"),
        (Sigma(), "Sigma", "machine.Sigma"),
        (Delta(SOME, 2, 3), "Delta", "machine.Delta"),
        (Delta(SOME + 1, 2, 3), "machine.Delta", "machine.Delta"),
        (SigmaDelta(SOME, MANY, 6), "SigmaDelta", "machine.SigmaDelta"),
        (SigmaDelta(SOME, MANY + 1, 6), "machine.SigmaDelta", "machine.SigmaDelta"),
        (CubaSubtract(0, 0, SOME), "machine.CubaSubtract", "machine.CubaSubtract"),
        (CubaLateReset(0, 0, SOME, 9), "machine.CubaLateReset", "machine.CubaLateReset"),
        (MultiSpike(0, 0, SOME, 9, most=3), "machine.MultiSpike", "machine.MultiSpike"),
        (CubaRefractory(0, 0, SOME), "machine.CubaRefractory", "machine.CubaRefractory"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
def test_a_stock_process_is_used_where_it_computes_the_same(tmp_path, neuron, free, periodic):
    program = chain(SQUARE, names=("out",), neuron=neuron)
    assert kind_of(program, tmp_path / "free", "out") == free
    again = Program(
        "again", "loihi2", program.input, program.populations, program.connections, "out", period=4
    )
    assert kind_of(again, tmp_path / "periodic", "out") == periodic
    machine = (tmp_path / "periodic" / "machine" / "process.py").exists()
    assert machine == periodic.startswith("machine")


def test_copies_of_the_neurons_are_those_of_hwsim(tmp_path):
    write_lava(chain(SQUARE, neuron=CubaSubtract(0, 0, 64)), tmp_path)
    origin = Path(hwsim.__file__).parent
    copies = [p.relative_to(tmp_path / "hwsim") for p in (tmp_path / "hwsim").rglob("*.py")]
    assert {str(c) for c in copies} >= {"arith.py", "errors.py", "neurons/subtract.py"}
    for copy in copies:
        assert (tmp_path / "hwsim" / copy).read_bytes() == (origin / copy).read_bytes()


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


TRUNCATE = """
import numpy as np
from lava.utils.weightutils import SignMode, clip_weights, truncate_weights
given = np.load("given.npz")
np.savez("kept.npz", **{
    f"{mode.name} {bits} {name}": truncate_weights(clip_weights(w, mode, num_bits=8), mode, bits)
    for name, w in given.items() for mode in list(SignMode)[1:] for bits in range(1, 10)
    if bits < 9 or mode is SignMode.MIXED
})
"""


@pytest.mark.lava
def test_weights_are_truncated_as_lava_truncates_them(tmp_path, rng):
    write_lava(chain(SQUARE), tmp_path)
    given = {
        "mixed": rng.integers(-400, 400, (40, 9)),
        "floats": rng.uniform(-300, 300, (40, 9)),
        "excitatory": rng.integers(0, 300, (40, 9)),
        "inhibitory": rng.integers(-300, 1, (40, 9)),
    }
    np.savez(tmp_path / "given.npz", **given)
    flags = ["--quiet", "--no-project", "--python", obtain_python(60), "--with-requirements"]
    command = [find_uv(), "run", *flags, "network.py", "python", "-c", TRUNCATE]
    subprocess.run(command, check=True, cwd=tmp_path, env=clean_environment())
    kept = read_npz(tmp_path / "kept.npz")
    assert len(kept) == len(given) * (3 * 8 + 1)
    for key, array in kept.items():
        mode, bits, name = key.split()
        ours = truncate_weights(given[name], int(bits), SignMode[mode])
        np.testing.assert_array_equal(ours, array, err_msg=key)
