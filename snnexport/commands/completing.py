"""The command ``completion``, and completion of words with colons in bash."""

from __future__ import annotations

import os
import re

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from hwsim.options import command

_SHELLS = ("bash", "zsh", "fish")


@add_completion_class
class Bash(BashComplete):
    """Puts together what bash cuts at colons, as in ``digits:test``, and cuts completions alike."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, and the one at it."""
        words = split_arg_string(os.environ["COMP_WORDS"])[: int(os.environ["COMP_CWORD"]) + 1]
        at_new = len(words) <= int(os.environ["COMP_CWORD"]) and words[-1] != ":"
        whole = re.sub(r"\n?:\n?", ":", "\n".join(words)).split("\n")[1:]
        return (whole, "") if at_new else (whole[:-1], whole[-1])

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return completions without what stands before the last colon."""
        head = incomplete[: incomplete.rfind(":") + 1]
        found = super().get_completions(args, incomplete)
        return [CompletionItem(item.value.removeprefix(head), item.type) for item in found]


@command("completion bash > ~/.local/share/bash-completion/completions/spikeport")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes spikeport's options and names in SHELL.

    Put it where the shell looks for completions; docs/guides/command-line.md says where that is.
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, "spikeport", "_SPIKEPORT_COMPLETE").source())


COMMANDS = [completion]
