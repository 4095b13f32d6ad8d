"""The commands and targets that the README names exist."""

import re

from snnexport.cli import main


def test_every_command_that_the_readme_names_exists(root):
    text = (root / "README.md").read_text()
    named = set(re.findall(r"^spikeport +(\w+)", text, re.MULTILINE))
    assert named
    assert named <= set(main.commands)


def test_every_target_that_the_readme_names_is_in_the_makefile(root):
    targets = set(re.findall(r"^([\w-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"^make ([\w-]+)", (root / "README.md").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= named <= targets
