"""The one command, ``spikeport``: the commands of all packages, and how errors are shown."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

import hwsim.cli
import snnexport.commands.completing
import snnexport.commands.converting
import snnexport.commands.files
import snnexport.commands.running
import snntrain.cli
from hwsim.console import LOG, colour, harmless, level_options, telling
from hwsim.errors import FileError, MissingExtraError, RangeError, SpikeportError

_EXTRAS = {
    "torch": "export",  # commands that need no more than "train" ask for it themselves
    "safetensors": "export",
    "sklearn": "train",
    "h5py": "export",
    "PIL": "data",
    "aedat": "data",
    "optuna": "sweep",
    "tensorboard": "tensorboard",
}
_SECTIONS = {
    "Train": ("train", "evaluate", "sweep"),
    "To the chip": ("check", "export", "convert", "verify"),
    "Run and price": ("simulate", "report", "diff", "demo"),
    "Look": ("inspect", "chips", "completion"),
}
"""The commands as the main help lists them."""
_LINE = 200
"""Characters of a command's first sentence, at most."""


_PROBE_S = 2.0
"""Seconds that something may take to say whether it is Lava's Python."""


class _Shown(click.ClickException):
    """An error as the command line shows it: message and hint on stderr."""

    def show(self, file: IO[Any] | None = None) -> None:
        label = click.style("error:", fg="red", bold=True)
        text = f"{label} {harmless(self.message)}"
        click.echo(text, file=file, err=file is None, color=colour())


class _Misused(_Shown):
    exit_code = 2


class _Interrupted(_Shown):
    exit_code = 130
    """128 + SIGINT, as shells report what Ctrl-C ended."""


def _usage(error: click.UsageError) -> _Misused:
    """Return a usage error in the voice of the others."""
    command = error.ctx.command_path if error.ctx else "spikeport"
    return _Misused(f"{error.format_message()}\nhint: {command} --help")


def _known(error: BaseException) -> str | None:
    """Return message and hint of an error that a user can do something about, else None."""
    if isinstance(error, SpikeportError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and (extra := _EXTRAS.get(error.name or "")):
        hint = f"pip install 'spikeport[{extra}]'"
        return str(MissingExtraError(f"{error.name} is not installed", hint=hint))
    if isinstance(error, MemoryError):
        hint = "use fewer --samples, or a larger machine"
        return str(RangeError("there is not enough memory", hint=hint))
    if isinstance(error, OSError) and error.errno != errno.EPIPE:
        return str(_failed(error))
    return None


def _failed(error: OSError) -> FileError:
    """Return what the operating system refused; full is standard output, where no file is named."""
    if error.filename or error.errno in (errno.ENOSPC, errno.EFBIG, errno.EIO):
        where = error.filename or "standard output"
        return FileError(f"{where}: {error.strerror}", hint="free some space, or use another place")
    return FileError(error.strerror or str(error), hint="--verbose says where it arose")


@contextmanager
def _errors_shown() -> Iterator[None]:
    """Turn errors into what the command line shows; with --verbose, also say where they arose."""
    try:
        yield
    except click.UsageError as error:
        raise _usage(error) from None
    except KeyboardInterrupt:
        raise _Interrupted("interrupted") from None
    except Exception as error:
        message = _known(error)
        if message is None:
            raise
        LOG.debug("%s", type(error).__name__, exc_info=error)
        raise _Shown(message) from None


class _Group(click.Group):
    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with _errors_shown():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with telling(ctx), _errors_shown():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by what they are for, each with its first sentence."""
        del ctx
        for title, names in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(n, self.commands[n].get_short_help_str(_LINE)) for n in names])


def _target() -> Any:
    """Return the way to a chip that training takes, which is in a package above its own."""
    from snnexport import harden

    return harden


def _start(*arguments: Any, **options: Any) -> Any:
    """Read what training starts from, of files that only a package above its own can read."""
    from snnexport.starting import read_start

    return read_start(*arguments, **options)


def _profiles() -> Any:
    from snnexport.formats.nir.profiles import PROFILES

    return PROFILES


def _show_versions(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from hwsim.versions import versions
        from snnexport.lava.python import find_python

        try:
            found = find_python(_PROBE_S) or "none; uv downloads one when it is needed"
        except SpikeportError as error:
            found = error.message
        click.echo("\n".join([*versions(), f"Lava's Python 3.10: {found}"]))
        context.exit()


_ABOVE = snntrain.cli.Above(_target, _start, _profiles)


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "obj": _ABOVE},
    epilog="spikeport COMMAND --help says more, with examples.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_versions,
    help="Show what is installed: versions, engine, Lava's Python.",
)
def main() -> None:
    """Take deep spiking networks from PyTorch to neuromorphic chips, spike for spike."""


main.params += level_options()
for _command in (
    *hwsim.cli.COMMANDS,
    *snntrain.cli.COMMANDS,
    *snnexport.commands.files.COMMANDS,
    *snnexport.commands.converting.COMMANDS,
    *snnexport.commands.running.COMMANDS,
    *snnexport.commands.completing.COMMANDS,
):
    main.add_command(_command)

if __name__ == "__main__":  # torchrun starts modules
    main(prog_name="spikeport")
