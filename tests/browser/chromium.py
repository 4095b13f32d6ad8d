"""A headless Chromium that opens one page from a file, and is told nothing else of the world."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
VARIABLE = "CHROMIUM"
NONCE = "measuring"
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The page's own policy, of which the copy that is measured lets the measuring scripts through."""


def find_chromium() -> str | None:
    """Return $CHROMIUM, or the first browser on the path."""
    found = (shutil.which(name) for name in (os.environ.get(VARIABLE, ""), *NAMES) if name)
    return next((path for path in found if path), None)


@dataclass(frozen=True)
class Chromium:
    """A browser, and an empty folder for its profile and its files."""

    program: str
    folder: Path

    def run(self, page: str, *options: str, width: int = 1200, height: int = 900) -> str:
        """Open ``page``, its whole text, in a window of that size; return standard output.

        Raises AssertionError with the browser's words if it logs a message of the console.
        """
        path = self.folder / "page.html"
        path.write_text(page, encoding="utf-8")
        command = [
            self.program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={self.folder / 'profile'}",
            "--enable-logging=stderr", f"--window-size={width},{height}", *options, path.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        assert console == [], console
        return done.stdout

    def screenshot(self, page: str, *options: str, width: int = 1200, height: int = 900) -> bytes:
        """Return a PNG of the page's first ``height`` pixels."""
        path = self.folder / "page.png"
        self.run(page, f"--screenshot={path}", *options, width=width, height=height)
        return path.read_bytes()

    def pdf(self, page: str) -> bytes:
        """Return the page as it is printed."""
        path = self.folder / "page.pdf"
        self.run(page, f"--print-to-pdf={path}")
        return path.read_bytes()

    def evaluate(self, page: str, *scripts: str, width: int = 1200) -> Any:
        """Run ``scripts`` in a copy of ``page``; the last one calls ``report(value)`` once.

        The value comes back as JSON in an element beside the copy. The copy is in a frame, which
        can be narrower than the 500 pixels that a window has at least.
        """
        assert POLICY in page
        copy = page.replace(POLICY, f"{POLICY}; script-src 'nonce-{NONCE}'")
        copy = copy.replace("</body>", "".join(map(_script, (REPORT, *scripts))) + "</body>")
        dom = self.run(_framed(copy, width), "--dump-dom", "--virtual-time-budget=60000")
        measured = re.search(r'<pre id="measured">(.*?)</pre>', dom, re.DOTALL)
        assert measured, "the script did not report"
        return json.loads(unescape(measured[1]))

    def without_javascript(self) -> Chromium:
        """Return a browser whose user has switched JavaScript off."""
        folder = self.folder / "without-javascript"
        settings = {"profile": {"default_content_setting_values": {"javascript": 2}}}
        preferences = folder / "profile" / "Default" / "Preferences"
        preferences.parent.mkdir(parents=True)
        preferences.write_text(json.dumps(settings))
        return Chromium(self.program, folder)


def _framed(page: str, width: int) -> str:
    style = f"border: 0; width: {width}px; height: 880px"
    frame = f'<iframe style="{style}" srcdoc="{escape(page)}"></iframe>'
    return f"<!doctype html><title>frame</title><body>{frame}</body>"


REPORT = """
function report(value) {
  const element = document.createElement("pre");
  element.id = "measured";
  element.textContent = JSON.stringify(value);
  parent.document.body.append(element);
}
"""


def _script(text: str) -> str:
    assert "</script" not in text
    return f'<script nonce="{NONCE}">{text}</script>'
