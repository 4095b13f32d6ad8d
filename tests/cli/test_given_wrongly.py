"""Names that are nearly right, and places that cannot or must not be written."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest
from command import call, refused

DATA = ("--data", "digits:test", "--samples", 2)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("chips", "loihi3"), "loihi2"),
        (("evaluate", "{c}", "--data", "digit:test"), "digits"),
        (("evaluate", "{c}", "--data", "digits:tset"), "test"),
        (("export", "{c}", "-o", "{out}", "--format", "onnx,laav"), "lava"),
        (("export", "{c}", "-o", "{out}", "--method", "min-max"), "minmax"),
        (("simulate", "{p}", *DATA, "--engine", "nativ"), "native"),
        (("simulate", "{p}", *DATA, "--prices", "loihi1-2017"), "loihi1-2018"),
        (("verify", "{p}", "--against", "onnx-runtime"), "onnxruntime"),
        (
            (
                "convert",
                "{out}.nir",
                "-o",
                "{out}.onnx",
                "--profile",
                "sintorch",
                "--reset",
                "zero",
            ),
            "snntorch",
        ),
    ],
)
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(
    arguments, meant, checkpoint, exported, tmp_path
):
    values = {"c": checkpoint, "p": exported / "program.onnx", "out": tmp_path / "out"}
    result = call(*(str(a).format(**values) for a in arguments))
    refused(result, f"did you mean '{meant}'? known: ")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [(("simulat",), "spikeport --help"), (("chips", "--jsn"), "spikeport chips --help"),
     (("--verbos", "chips"), "spikeport --help"), (("train",), "spikeport train --help")],
)  # fmt: skip
def test_usage_errors_speak_as_all_others_and_name_the_help_page(arguments, hint):
    result = call(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    first, last = result.stderr.splitlines()
    assert first.startswith("error: ")
    assert last == f"hint: {hint}"


@pytest.mark.parametrize(
    "arguments",
    [("report", "{r}", "--html", "{r}"), ("simulate", "{p}", *DATA, "--report", "{p}"),
     ("simulate", "{p}", *DATA, "--report", "new", "--html", "./new"),
     ("convert", "{p}", "-o", "{p}")],
)  # fmt: skip
def test_what_is_read_or_written_already_is_not_written_over(
    arguments, exported, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    report, program = Path("r.json"), Path("p.onnx")
    report.write_text("{}")
    program.write_bytes((exported / "program.onnx").read_bytes())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    result = call(*(str(a).format(r=report, p=program) for a in arguments))
    assert result.exit_code == 2
    assert " is given as '" in result.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("place", "why"),
    [("folder", "it is a folder"), ("file/r.json", "file is not a folder"),
     ("locked/r.json", "locked may not be written to")],
)  # fmt: skip
def test_a_place_that_cannot_be_written_is_refused_before_anything_runs(
    place, why, exported, tmp_path, monkeypatch
):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "locked").mkdir()
    allowed = lambda path, mode: Path(path).name != "locked"  # noqa: E731 -- root may do anything
    monkeypatch.setattr("os.access", allowed)
    monkeypatch.setattr("hwsim.reporting.run", None)
    command = ("simulate", exported / "program.onnx", *DATA, "--report", tmp_path / place)
    refused(call(*command), "cannot be written", why)


@pytest.mark.parametrize("command", [("report", "{f}"), ("simulate", "{p}", "--spikes", "{f}")])
def test_a_file_that_may_not_be_read_is_no_error_of_usage(command, exported, tmp_path, monkeypatch):
    """Root may read everything, so that permission is denied by hand."""
    path, opened = tmp_path / "mine.npy", Path.open
    path.write_text("{}")

    def denied(self, *args, **options):
        if self.name == path.name:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, *args, **options)

    monkeypatch.setattr(Path, "open", denied)
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "mine.npy")
    monkeypatch.setattr("hwsim.files.np.lib.format.open_memmap", lambda *_, **__: denied(path))
    result = call(*(part.format(f=path, p=exported / "program.onnx") for part in command))
    refused(result, "mine.npy: ", ": Permission denied\nhint: give the path of a")


def test_a_folder_to_write_that_is_a_file_is_refused(checkpoint, tmp_path):
    (tmp_path / "out").write_text("mine")
    refused(call("export", checkpoint, "-o", tmp_path / "out"), "it is a file", "path of a folder")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("loud", [[], ["-v"], ["-q"]])
def test_json_is_one_object_however_loud(loud, exported, tmp_path):
    np.save(tmp_path / "in.npy", np.ones((6, 2, 1, 8, 8), int))
    program, report = exported / "program.onnx", tmp_path / "r.json"
    simulate = ("simulate", program, "--spikes", tmp_path / "in.npy", "--report", report)
    commands = [("chips",), ("chips", "xylo"), ("inspect", program), ("check", program), simulate]
    commands += [("report", report), ("diff", report, report), ("verify", program)]
    for command in commands:
        result = call(*command, "--json", *loud)
        assert result.exit_code == 0, result.output
        assert isinstance(json.loads(result.stdout), dict), command
