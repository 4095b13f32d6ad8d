"""Runs a job script in the Python of a framework, or says how to make one."""

import json
import os
import subprocess
from pathlib import Path

import pytest

VERSIONS = {"norse": "1.1.0", "sinabs": "3.1.3", "snntorch": "1.0.0", "spikingjelly": "2.0.0"}
_ROOT = Path(__file__).parents[3]
_OURS = (
    "numpy onnx networkx click rich jinja2 safetensors scikit-learn h5py onnxruntime uv nir "
    "nirtorch"
)


def interpreter(framework):
    """Return the Python that has ``framework`` in the version that was compared, or skip."""
    variable = f"SPIKEPORT_{framework.upper()}_PYTHON"
    python = os.environ.get(variable)
    wanted = f"{framework}=={VERSIONS[framework]}"
    how = (
        f"{wanted} is missing: `python3.11 -m venv DIR; DIR/bin/pip install torch==2.13.0; "
        f"DIR/bin/pip install -c constraints.txt {wanted} {_OURS}; "
        f"export {variable}=DIR/bin/python`"
    )
    if python is None:
        pytest.skip(how)
    ask = f"import importlib.metadata as m; print(m.version({framework!r}))"
    found = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
    if found.stdout.strip() != VERSIONS[framework]:
        pytest.skip(how)
    return python


def in_framework(framework, *arguments):
    """Return what the last line says, in JSON, that a script prints in the framework's Python."""
    script, *others = map(str, arguments)
    paths = {"PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "tests")])}
    command = [interpreter(framework), "-W", "ignore", script, *others]
    environment = {**os.environ, **paths, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
