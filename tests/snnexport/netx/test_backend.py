"""Where lava-dl is absent, broken or hangs, the lava-dl back end says so and leaves nothing."""

from pathlib import Path

import numpy as np
import pytest
from strategies import frames, small_program

from hwsim.errors import FileError, LavaError, RangeError, UnsupportedError
from hwsim.program import Connection
from snnexport import netx
from snnexport.netx import environment


@pytest.fixture
def program(rng):
    return small_program(rng)


@pytest.fixture
def script(tmp_path):
    """A function that writes an executable shell script and returns its path."""

    def write(body):
        path = tmp_path / "script"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write


def test_lava_dl_that_cannot_be_imported_says_how_to_look(program, rng, monkeypatch, script):
    python = script("echo 'ModuleNotFoundError: no lava' >&2; exit 1")
    monkeypatch.setenv("SPIKEPORT_NETX_PYTHON", str(python))
    with pytest.raises(LavaError, match=r"(?s)network.net: .*code 1.*no lava.*import lava\.lib"):
        netx.run(program, frames(rng, program))


def test_lava_dl_that_hangs_is_killed_after_the_time_limit(program, rng, monkeypatch, script):
    monkeypatch.setenv("SPIKEPORT_NETX_PYTHON", str(script("exec sleep 600")))
    with pytest.raises(LavaError, match=r"did not answer within 0\.3 s"):
        netx.run(program, frames(rng, program), timeout_s=0.3)


def test_python_of_the_environment_must_be_a_program(program, rng, monkeypatch, tmp_path):
    monkeypatch.setenv("SPIKEPORT_NETX_PYTHON", str(tmp_path / "none"))
    with pytest.raises(LavaError, match=r"SPIKEPORT_NETX_PYTHON = .*none is no program"):
        netx.run(program, frames(rng, program))


def test_installation_is_announced_and_leaves_nothing_when_it_fails(
    monkeypatch, script, tmp_path, capsys
):
    monkeypatch.delenv("SPIKEPORT_NETX_PYTHON", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(environment, "obtain_bare_python", lambda limit_s: tmp_path / "python3.10")
    uv = script('[ "$1" = venv ] && mkdir -p "$6" && exit; echo "no index" >&2; exit 2')
    monkeypatch.setattr(environment, "find_uv", lambda: uv)
    with pytest.raises(LavaError, match=r"(?s)could not be installed.*no index.*TORCH_BACKEND=cpu"):
        netx.obtain_python(1)
    assert "about 5 GB" in capsys.readouterr().err
    assert not (tmp_path / "cache" / "spikeport" / "netx-0.6.0" / "venv").exists()


def test_environment_that_is_there_is_used_without_a_word(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("SPIKEPORT_NETX_PYTHON", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    python = tmp_path / "spikeport" / "netx-0.6.0" / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert netx.obtain_python(1) == python
    assert not capsys.readouterr().err


def test_what_does_not_fit_is_refused_before_lava_dl_is_looked_for(program, rng, monkeypatch):
    monkeypatch.setattr("snnexport.netx.backend.obtain_python", None)
    spikes = frames(rng, program)
    with pytest.raises(RangeError, match="steps = 0"):
        netx.run(program, spikes, steps=0)
    with pytest.raises(RangeError, match="shape"):
        netx.run(program, spikes[:, :, 0])
    with pytest.raises(FileError, match=r"none\.net: no such file"):
        netx.run(program, spikes, file=Path("none.net"))
    same = program.connections[-1]
    twice = Connection(same.source, same.target, same.synapse, label="again")
    doubled = type(program)(**{**vars(program), "connections": (*program.connections, twice)})
    with pytest.raises(UnsupportedError, match="2 connections lead into it"):
        netx.run(doubled, np.asarray(spikes))
