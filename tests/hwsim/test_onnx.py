import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from strategies import frames, small_program

from hwsim import Program, run
from hwsim._onnx import program_bytes
from hwsim._onnx.ops import DOMAIN
from hwsim.errors import FileError
from snnexport import oracle


@pytest.mark.parametrize("seed", range(8))
def test_onnxruntime_computes_every_spike_and_register_of_a_saved_program(seed):
    rng = np.random.default_rng(seed)
    p = small_program(rng, period=None if seed % 3 == 0 else 3 + seed)
    x = frames(rng, p, steps=7)
    ours = run(p, x, engine="reference", record="state")
    arrays, _ = oracle.run_file(program_bytes(p), p, x)
    assert ours.trace is not None
    assert arrays.keys() == ours.trace.arrays.keys()
    for name, array in ours.trace.arrays.items():
        assert (array == arrays[name]).all(), name
        assert array.dtype == arrays[name].dtype


def test_onnxruntime_counts_the_same_synaptic_operations(rng):
    p = small_program(rng, period=None)
    x = frames(rng, p)
    counts = run(p, x).counts
    _, synops = oracle.run_file(program_bytes(p), p, x)
    assert counts is not None
    for c in counts.connections:
        first = p.population(c.target).latency
        assert synops[f"{c.source}->{c.target}"][first : first + len(x)].sum() == c.synops


def test_onnx_reference_evaluator_agrees(rng):
    p = small_program(rng)
    x = frames(rng, p, steps=3, batch=1)
    padded = np.zeros((3 + p.latency, *x.shape[1:]), np.int32)
    padded[:3] = x
    evaluator = ReferenceEvaluator(onnx.load_from_string(program_bytes(p)))
    outputs = evaluator.run(None, {"image/spikes": padded})
    trace = run(p, x, record="state").trace
    assert trace is not None
    for name, value in zip(evaluator.output_names, outputs, strict=True):
        if not name.endswith("/synops"):
            assert (trace.arrays[name] == value).all(), name


def test_a_saved_program_is_a_valid_model_and_comes_back_the_same(rng, tmp_path):
    p = small_program(rng)
    p.save(tmp_path / "p.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "p.onnx"), full_check=True)
    back = Program.load(tmp_path / "p.onnx")
    assert program_bytes(back) == (tmp_path / "p.onnx").read_bytes()
    assert (back.name, back.chip, back.period, back.output) == (p.name, p.chip, p.period, p.output)


def test_every_own_operator_carries_its_body(rng):
    model = onnx.load_from_string(program_bytes(small_program(rng)))
    scan = next(n for n in model.graph.node if n.op_type == "Scan")
    body = next(a.g for a in scan.attribute if a.name == "body")
    used = {n.op_type for n in body.node if n.domain == DOMAIN}
    assert used == {"Conv2d", "Cuba", "Dense", "Reset", "SumPool2d"}
    assert used == {f.name for f in model.functions}


def _edited(rng, edit):
    model = onnx.load_from_string(program_bytes(small_program(rng)))
    edit(model)
    return model.SerializeToString()


def _change_body(model):
    body = next(f for f in model.functions if f.name == "Cuba")
    next(n for n in body.node if n.op_type == "Greater").op_type = "GreaterOrEqual"


def _change_latency(model):
    scan = next(n for n in model.graph.node if n.op_type == "Scan")
    node = next(n for n in scan.attribute[0].g.node if n.op_type == "Reset")
    next(a for a in node.attribute if a.name == "phase").i += 1


def _change_range(model):
    next(p for p in model.metadata_props if p.key == "spikeport.input.high").value = "016"


def _older_version(model):
    next(o for o in model.opset_import if o.domain == DOMAIN).version = 1


def _change_weight(model):
    w = next(w for w in model.graph.initializer if w.name.endswith("fan_out"))
    w.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(w) + 1, w.name))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_change_body, r"spikeport.loihi.Cuba does not have the registered body"),
        (_change_latency, "is not the file that spikeport writes"),
        (_change_weight, "is not the file that spikeport writes"),
        (lambda m: m.metadata_props.pop(0), "is not a program: schema none"),
        (lambda m: m.ClearField("functions"), "is not the file"),
        (lambda m: setattr(m, "ir_version", 9), "is not the file that spikeport writes"),
        (_change_range, "is not the file|damaged"),
        (_older_version, "loihi version 1, this is version 2\nhint: export the network again"),
        (lambda m: m.graph.initializer.pop(), "is not the file|damaged"),
    ],
)
def test_an_edited_file_is_refused(rng, tmp_path, edit, message):
    path = tmp_path / "p.onnx"
    path.write_bytes(_edited(rng, edit))
    with pytest.raises(FileError, match=message):
        Program.load(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00" * 100, None])
def test_a_file_of_another_kind_or_truncated_is_refused(rng, tmp_path, content):
    path = tmp_path / "p.onnx"
    whole = program_bytes(small_program(rng))
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(FileError, match="is not an ONNX model, or is truncated"):
        Program.load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileError, match=r"absent\.onnx: no such file"):
        Program.load(tmp_path / "absent.onnx")
