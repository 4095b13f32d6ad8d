"""What is installed: the wheel, the import layers, the parts that Lava's Python 3.10 needs."""

import subprocess
import sys
import zipfile

import pytest

from snnexport.lava import find_python


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    settings = "{'wheel.cmake': 'false'}"  # which files it carries does not need the compiler
    script = (
        f"from scikit_build_core.build import build_wheel; build_wheel({str(out)!r}, {settings})"
    )
    command = [sys.executable, "-c", script]
    subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=120)
    (path,) = out.glob("spikeport-*.whl")
    return path


def test_the_wheel_carries_the_digits_checkpoint_and_no_package_called_models(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path)
    assert not [n for n in names if n.startswith(("models/", "tests/"))]
    assert not [n for n in names if n.endswith((".cpp", ".h"))]
    for part in (
        "hwsim/chips/loihi1.toml",
        "hwsim/_report/page/page.css",
        "hwsim/_report/page/report.html.j2",
        "hwsim/engines/native/engine.py",
        "snnexport/formats/lava_artefact/network.py.jinja",
    ):
        assert part in names
    script = (
        "import sys\n"  # an editable installation has a finder of its own, which comes first
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in type(f).__module__]\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from snnexport.shipped import shipped_checkpoint\n"
        "from snntrain.checkpoint import Checkpoint\n"
        "path = shipped_checkpoint('digits-conv'); print(path)\n"
        "Checkpoint.load(path).build()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True, capture_output=True, text=True, timeout=120, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.strip().startswith(str(tmp_path))


def test_imports_go_one_way(root):
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports; lint_imports()"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
    assert "0 broken" in done.stdout, done.stdout


@pytest.mark.lava
def test_arithmetic_and_neurons_run_on_the_python_and_numpy_of_lava(root):
    from uv import find_uv_bin

    python = find_python()
    assert python is not None
    script = (
        "import numpy, sys; from hwsim.arith import Integer; from hwsim.neurons import Cuba\n"
        "assert sys.version_info[:2] == (3, 10) and numpy.__version__.startswith('1.26')\n"
        "s, (u, v) = Cuba(4096, 0, 64).step(Integer(), (numpy.zeros(2, int),) * 2, "
        "numpy.array([64, 65])); assert s.tolist() == [0, 1]\n"
    )
    command = [find_uv_bin(), "run", "--quiet", "--no-project", "--python", str(python)]
    command += ["--with", "numpy==1.26.4", "python", "-c", script]
    subprocess.run(command, cwd=root, check=True, timeout=300)
