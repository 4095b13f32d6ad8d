"""Runs a command in a process group of its own and leaves nothing of it behind.

Lava can hang for ever, or print its answer and never exit; killed, it leaves shared memory.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_POLL_S = 0.05
_GRACE_S = 3.0
"""Seconds a command may take to exit once its result is there."""
_TIDY_S = 2.0
"""Seconds uv has to remove its own temporary files when what it started is gone."""
SHARED_MEMORY = "/dev/shm/"


@dataclass(frozen=True)
class Ended:
    """What a command left: its exit code (None: killed, no answer in time) and its texts."""

    code: int | None
    stdout: str
    stderr: str

    @property
    def reason(self) -> str:
        """The errors that stderr names and its last lines (else stdout's), for a message."""
        lines = [line for line in (self.stderr or self.stdout).splitlines() if line.strip()]
        named = [line for line in lines[:-6] if re.match(r"[\w.]+(Error|Exception)\b", line)]
        return "\n".join(f"  | {line}" for line in named + lines[-6:]) or "  | (it said nothing)"


def run_group(
    command: Sequence[str | Path],
    *,
    limit_s: float,
    environment: Mapping[str, str] | None = None,
    result: Path | None = None,
    heard: Callable[[str], None] | None = None,
) -> Ended:
    """Run ``command``; however this call ends, its whole process group is gone afterwards.

    Parameters
    ----------
    command
        Program and arguments.
    limit_s
        Seconds it may take without writing to stdout; then it is killed.
    environment
        All its environment variables; by default ours.
    result
        A file that appears whole. Once it is there the command has a few seconds to exit.
    heard
        Called with all of stdout whenever there is more of it, and at the end.
    """
    with tempfile.TemporaryDirectory(prefix="spikeport-") as folder:
        stdout, stderr = Path(folder, "stdout"), Path(folder, "stderr")
        with stdout.open("wb") as out, stderr.open("wb") as err:
            process = subprocess.Popen(
                list(map(str, command)),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
                start_new_session=True,
            )
            try:
                code = _wait(process, limit_s, result, stdout, heard)
            finally:
                _end_group(process)
        ended = Ended(code, *(f.read_text("utf-8", "replace") for f in (stdout, stderr)))
    if heard is not None:
        heard(ended.stdout)
    return ended


def _wait(
    process: subprocess.Popen[bytes],
    limit_s: float,
    result: Path | None,
    stdout: Path,
    heard: Callable[[str], None] | None,
) -> int | None:
    size, deadline, finished = 0, time.monotonic() + limit_s, False
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return process.returncode
        if result is not None and result.exists() and not finished:
            finished, deadline = True, time.monotonic() + _GRACE_S
        if not finished and stdout.stat().st_size > size:
            size, deadline = stdout.stat().st_size, time.monotonic() + limit_s
            if heard is not None:
                heard(stdout.read_text("utf-8", "replace"))
        time.sleep(_POLL_S)
    return None


def _end_group(leader: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the leader's group and unlink the shared memory it had mapped.

    The leader, uv, gets a moment to tidy up after its children are gone.
    """
    segments: set[str] = set()
    patience = time.monotonic() + _TIDY_S
    while members := _members(leader.pid):
        segments |= {segment for pid in members for segment in _segments(pid)}
        spared = {leader.pid} if time.monotonic() < patience else set()
        for pid in members - spared:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        leader.poll()
        time.sleep(_POLL_S)
    with suppress(ProcessLookupError):  # without /proc no member was found
        os.killpg(leader.pid, signal.SIGKILL)
    leader.wait()
    for segment in segments:
        Path(segment).unlink(missing_ok=True)


def _members(group: int) -> set[int]:
    """Return the living processes of a process group."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()  # state, parent, group, ...
        except OSError:  # it ended meanwhile
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            found.add(int(status.parent.name))
    return found


def _segments(pid: int) -> set[str]:
    """Return the paths of the shared memory that a process has mapped."""
    try:
        lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    except OSError:
        return set()
    paths = {line.split(maxsplit=5)[-1] for line in lines if SHARED_MEMORY in line}
    return {path for path in paths if not path.endswith("(deleted)")}
