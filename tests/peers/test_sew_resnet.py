"""Deep residual networks and parametric LIF neurons beside those of SpikingJelly 2.0.0."""

import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from peers.test_counters import interpreter
from torch import nn

from snntrain import ATan, Spiking, unroll
from snntrain.nets.blocks import Shortcut
from snntrain.nets.resnet import ResNet, ResNetSettings, Stem

SCRIPT = Path(__file__).with_name("spikingjelly_nets.py")
NETWORKS = {
    **{f"sew_resnet{depth}": (Shortcut.SEW_ADD, depth) for depth in (18, 34, 50, 101, 152)},
    **{f"spiking_resnet{depth}": (Shortcut.SPIKING, depth) for depth in (18, 34, 50, 101, 152)},
    **{f"ms_resnet{depth}": (Shortcut.MEMBRANE, depth) for depth in (18, 34, 104)},
}


def theirs(tmp_path, **job):
    """Return what SpikingJelly makes of the arrays of ``job``."""
    np.savez(tmp_path / "job.npz", **job)
    files = [tmp_path / "job.npz", tmp_path / "result.npz"]
    command = [interpreter("spikingjelly"), SCRIPT, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(np.load(files[1]))


def ours(shortcut, depth, classes=1000):
    return ResNet(ResNetSettings(shortcut, Stem.LARGE, (3, 224, 224), classes, depth))


def test_networks_have_parameters_of_the_shapes_that_spikingjellys_have(tmp_path):
    found = theirs(tmp_path, models=np.array(list(NETWORKS)))
    for name, (shortcut, depth) in NETWORKS.items():
        shapes = [str(list(p.shape)) for p in ours(shortcut, depth).parameters()]
        assert Counter(shapes) == Counter(found[name].tolist())


@pytest.mark.parametrize(
    ("name", "depth", "cnf", "shortcut"),
    [
        ("sew_resnet", 18, "AND", Shortcut.SEW_AND),
        ("sew_resnet", 18, "IAND", Shortcut.SEW_IAND),
        ("sew_resnet", 50, "ADD", Shortcut.SEW_ADD),
        ("spiking_resnet", 18, "", Shortcut.SPIKING),
    ],
)
def test_networks_answer_what_those_of_spikingjelly_answer_with_the_same_weights(
    tmp_path, name, depth, cnf, shortcut
):
    torch.manual_seed(0)
    module = ours(shortcut, depth).double()
    for path, parameter in module.named_parameters():
        if parameter.dim() == 1:
            low, high = (1.0, 2.0) if path.endswith("weight") else (0.2, 1.0)
            nn.init.uniform_(parameter, low, high)
    x = torch.rand(3, 2, 3, 32, 32, dtype=torch.float64)
    for _ in range(3):
        unroll(module.train(), x)
    module.eval()
    numbers = [b for b in module.buffers() if b.dtype.is_floating_point]
    arrays = {f"p{i}": p.detach().numpy() for i, p in enumerate(module.parameters())}
    arrays |= {f"b{i}": b.numpy() for i, b in enumerate(numbers)}
    found = theirs(tmp_path, model=f"{name}{depth}", cnf=cnf, x=x.numpy(), **arrays)["outputs"]
    with torch.no_grad():
        expected = unroll(module, x).numpy()
    assert np.ptp(expected, axis=0).max() > 0.1
    # float64; no voltage is within its rounding of the threshold, where > and >= differ
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_parametric_lif_has_the_spikes_and_gradients_of_spikingjellys(tmp_path):
    rng = np.random.default_rng(0)
    x, factor = rng.normal(size=(2, 6, 5, 3, 4, 4))
    weight, bias = rng.uniform(1, 2, 3), rng.uniform(0.3, 1, 3)
    raw = np.array(-0.4)
    job = {"x": x, "factor": factor, "weight": weight, "bias": bias, "raw": raw}
    found = theirs(tmp_path, **job)
    layer = Spiking.plif(3, surrogate=ATan(2.0)).double()
    original = layer.parametrizations["decay_v"].original
    with torch.no_grad():
        layer.norm.weight.copy_(torch.from_numpy(weight))
        layer.norm.bias.copy_(torch.from_numpy(bias))
        original.copy_(torch.from_numpy(raw))
    entered = torch.from_numpy(x).requires_grad_()
    spikes = unroll(layer, entered)
    (spikes * torch.from_numpy(factor)).sum().backward()
    assert 0.1 < spikes.mean() < 0.9
    assert np.array_equal(found["spikes"], spikes.detach().numpy())
    gradients = {
        "x": entered,
        "weight": layer.norm.weight,
        "bias": layer.norm.bias,
        "raw": original,
    }
    for name, tensor in gradients.items():
        np.testing.assert_allclose(found[name], tensor.grad.numpy(), rtol=1e-6, atol=1e-9)
