"""What is installed: sdist, wheel, core alone, import layers, what Lava's Python needs."""

import os
import subprocess
import sys
import tarfile
from importlib.metadata import distribution, distributions
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from snnexport.lava import find_python


def build(folder, out, call):
    """Call a hook of the build backend in ``folder``, and return what it wrote into ``out``."""
    script = f"import scikit_build_core.build as b; b.{call}"
    command = [sys.executable, "-c", script, str(out)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    (path,) = out.iterdir()
    return path


@pytest.fixture(scope="module")
def sdist(root, tmp_path_factory):
    """The source distribution, unpacked."""
    folder = tmp_path_factory.mktemp("unpacked")
    path = build(root, tmp_path_factory.mktemp("sdist"), "build_sdist(b.sys.argv[1])")
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.iterdir()
    return unpacked


@pytest.fixture(scope="module")
def site(sdist, tmp_path_factory):
    """The wheel of the source distribution, unpacked; the compiled engine is left out of it."""
    call = "build_wheel(b.sys.argv[1], {'wheel.cmake': 'false'})"
    path = build(sdist, tmp_path_factory.mktemp("wheel"), call)
    folder = tmp_path_factory.mktemp("site")
    with ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


def files(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def sources(root):
    """What git keeps of the packages and the digits model, and new files beside them."""
    parts = ("hwsim", "snntrain", "snnexport", "models/digits-conv")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *parts]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    return {name for name in done.stdout.split() if (root / name).exists()}


def test_the_sdist_holds_the_sources_of_what_is_installed_and_nothing_that_was_made(root, sdist):
    beside = {"pyproject.toml", "CMakeLists.txt", "README.md", "LICENSE", "CHANGELOG.md"}
    assert files(sdist) == {*sources(root), *beside, "PKG-INFO"}


def test_the_wheel_holds_the_packages_the_digits_model_and_the_licence(root, site):
    expected = {
        name.replace("models/", "snnexport/_models/")
        for name in sources(root)
        if not name.startswith("hwsim/engines/native/src/")
    }
    found = files(site)
    about = {name for name in found if ".dist-info/" in name}
    assert found - about == expected
    assert [name for name in about if name.endswith("licenses/LICENSE")]


def core(site):
    """Yield the distributions that the one in ``site`` needs without extras, each once."""
    waiting, seen = list(distributions(path=[str(site)])), set()
    while waiting:
        for text in waiting.pop().requires or ():
            needed = Requirement(text)
            if needed.name in seen or (
                needed.marker is not None and not needed.marker.evaluate({"extra": ""})
            ):
                continue
            seen.add(needed.name)
            waiting.append(distribution(needed.name))
            yield waiting[-1]


def test_with_the_core_alone_every_command_works_or_names_the_extra_that_is_all_it_needs(
    root, site, tmp_path
):
    for needed in core(site):
        for top in {file.parts[0] for file in needed.files or ()} - {"..", "__pycache__"}:
            (tmp_path / top).symlink_to(Path(str(needed.locate_file(top))))
    for package in site.iterdir():
        (tmp_path / package.name).symlink_to(package)
    built = find_spec("hwsim.engines.native._native")  # in the tree, or where pip has put it
    assert built is not None
    assert built.origin is not None
    (site / "hwsim/engines/native" / Path(built.origin).name).symlink_to(built.origin)
    command = [sys.executable, "-S", str(root / "tests" / "installed.py")]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(tmp_path) in done.stdout


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
