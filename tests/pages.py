"""The fenced blocks of a page of the documentation, and running them as its reader would.

An HTML comment directly above a block says what is special about it:

``not run here: REASON``          it is shown only
``run by make docs-long: REASON`` it needs data or minutes
``file: NAME``                    the reader saves it under that name
``output``                        what the block before prints; ``...`` stands for anything
``in a checkout``                 from here on the reader stands in the repository; once a page

``page not run here: REASON``, anywhere, speaks of all blocks of the page.
"""

from __future__ import annotations

import doctest
import io
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from conftest import ROOT
from markdown_it import MarkdownIt

from hwsim.chip import load_chip
from snntrain import Recipe

REMARK = re.compile(r"<!-- (.+?)(?:: (.+?))? -->", re.DOTALL)
NOT_RUN, LONG, PAGE = "not run here", "run by make docs-long", "page not run here"
FILE, OUTPUT, CHECKOUT = "file", "output", "in a checkout"
REMARKS = (NOT_RUN, LONG, PAGE, FILE, OUTPUT, CHECKOUT)
LINKED = ("benchmarks", "examples", "models")
"""What of the repository commands of a page read."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its first line in the page, the remarks directly above."""

    language: str
    text: str
    line: int
    remarks: dict[str, str]

    @property
    def is_directive(self) -> bool:
        """Say whether Sphinx runs it."""
        return self.language.startswith("{")

    @property
    def why_not(self) -> str | None:
        """The reason for which no test of the suite runs it."""
        reasons = (self.remarks.get(remark) for remark in (NOT_RUN, LONG, PAGE))
        return next((reason for reason in reasons if reason is not None), None)


def pages() -> list[str]:
    """List the Markdown pages, relative to the repository."""
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [str(path.relative_to(ROOT)) for path in paths]


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of ``page`` in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    whole = {key: value for key, value in REMARK.findall(text) if key == PAGE}
    above: dict[str, str] = {}
    for token in MarkdownIt().parse(text):
        if token.type in ("fence", "code_block"):
            language, *_ = [*token.info.split(), ""]
            assert token.map is not None
            yield Block(language, token.content, token.map[0] + 1, {**above, **whole})
        remarks = REMARK.findall(token.content) if token.type == "html_block" else []
        above = {**above, **dict(remarks)} if remarks else {}


class Reader:
    """Someone who follows a page from its top in an empty folder."""

    def __init__(self, page: str, folder: Path, *, patient: bool = False) -> None:
        self.page, self.folder, self.patient = page, folder, patient
        self.names: dict[str, Any] = {"__name__": page}
        self.printed = ""

    def follow(self) -> dict[str, Any]:
        """Run the blocks in order; return the names that those in Python have defined."""
        with chdir(self.folder), torch.random.fork_rng():
            for block in blocks(self.page):
                waits = self.patient and LONG in block.remarks
                if not block.is_directive and (waits or block.why_not is None):
                    self._do(block)
        return self.names

    def _do(self, block: Block) -> None:
        where = f"{self.page}:{block.line}"
        if CHECKOUT in block.remarks:
            for name in LINKED:
                Path(name).symlink_to(ROOT / name)
        runs = {"python": self._python, "sh": self._shell, "text": self._compare}
        assert block.language in {*runs, *PARSERS}, f"{where}: {block.language!r} is not run"
        if FILE in block.remarks:
            Path(block.remarks[FILE]).write_text(block.text, encoding="utf-8")
        elif block.language in runs:
            runs[block.language](block, where)
        if block.language in PARSERS:
            PARSERS[block.language](block.text)

    def _compare(self, block: Block, where: str) -> None:
        if OUTPUT in block.remarks:
            wanted, printed = _trimmed(block.text), _trimmed(self.printed)
            same = doctest.OutputChecker().check_output(wanted, printed, doctest.ELLIPSIS)
            assert same, f"{where} is not what was printed:\n{printed}"

    def _python(self, block: Block, where: str) -> None:
        code = compile("\n" * block.line + block.text, where.partition(":")[0], "exec")
        with redirect_stdout(io.StringIO()) as printed:
            exec(code, self.names)
        self.printed = printed.getvalue()

    def _shell(self, block: Block, where: str) -> None:
        command = ["bash", "-euo", "pipefail", "-c", block.text]
        done = subprocess.run(
            command, capture_output=True, text=True, env=_environment(self.folder.parent)
        )
        assert done.returncode == 0, f"{where}: {done.stderr}"
        self.printed = done.stdout


def _trimmed(text: str) -> str:
    """Return ``text`` without the spaces at the ends of its lines."""
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _environment(folder: Path) -> dict[str, str]:
    """Return a shell's variables, with this ``python`` and a ``spikeport`` that it runs."""
    commands = folder / "bin"
    commands.mkdir(exist_ok=True)
    spikeport = commands / "spikeport"
    spikeport.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m snnexport.cli "$@"\n')
    spikeport.chmod(0o755)
    path = (str(commands), str(Path(sys.executable).parent), os.environ["PATH"])
    return {**os.environ, "PATH": ":".join(path), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def _toml(text: str) -> None:
    """Parse ``text``; a recipe must build, a chip file must be one."""
    table = tomllib.loads(text)
    if {"data", "net"} <= set(table):
        assert Recipe.from_text(text, "the page").build()
    if "chip" in table:
        path = Path("chip-of-the-page.toml")
        path.write_text(text, encoding="utf-8")
        load_chip(str(path))


PARSERS = {"toml": _toml, "json": json.loads, "yaml": yaml.safe_load}
"""What reads a block that is a file, by its language."""
