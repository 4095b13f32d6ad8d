"""Calling ``spikeport`` in a test."""

from __future__ import annotations

from click.testing import CliRunner, Result

from snnexport.cli import main


def call(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="spikeport")


def refused(result: Result, *parts: str) -> None:
    """Require one error with a hint, status 1, nothing on stdout, no traceback."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.count("error:") == 1
    assert "hint:" in result.stderr
    for part in parts:
        assert part in result.stderr
