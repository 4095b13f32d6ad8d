"""The one command, ``spikeport``: the commands of all packages, and how errors are shown."""

from __future__ import annotations

import errno
from typing import IO, Any

import click

import hwsim.cli
import snnexport.commands.converting
import snnexport.commands.files
import snnexport.commands.running
import snntrain.cli
from hwsim._report.figures import visible
from hwsim.errors import FileError, MissingExtraError, RangeError, SpikeportError

_EXTRAS = {
    "torch": "train",
    "safetensors": "train",
    "sklearn": "train",
    "h5py": "export",
    "PIL": "data",
    "aedat": "data",
    "optuna": "sweep",
    "tensorboard": "tensorboard",
}


class _ErrorShown(click.ClickException):
    """A SpikeportError as the command line shows it: exit 1, message and hint on stderr."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        text = "\n".join(map(visible, self.message.split("\n")))  # names may come from a file
        click.echo(f"error: {text}", file=file, err=file is None)


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SpikeportError as error:
            raise _ErrorShown(str(error)) from None
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get(error.name or "")
            if extra is None:
                raise
            missing = MissingExtraError(
                f"{error.name} is not installed", hint=f"pip install 'spikeport[{extra}]'"
            )
            raise _ErrorShown(str(missing)) from None
        except MemoryError:
            full = RangeError(
                "there is not enough memory", hint="use fewer --samples, or a larger machine"
            )
            raise _ErrorShown(str(full)) from None
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            where = error.filename or "output"
            failed = FileError(
                f"{where}: {error.strerror}", hint="free some space, or use another place"
            )
            raise _ErrorShown(str(failed)) from None


def _target() -> Any:
    """Return the way to a chip that training takes, which is in a package above its own."""
    from snnexport import harden

    return harden


def _start(*arguments: Any, **options: Any) -> Any:
    """Read what training starts from, of files that only a package above its own can read."""
    from snnexport.starting import read_start

    return read_start(*arguments, **options)


_ABOVE = snntrain.cli.Above(_target, _start)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "obj": _ABOVE})
@click.version_option(package_name="spikeport")
def main() -> None:
    """Take deep spiking networks from PyTorch to neuromorphic chips, spike for spike."""


for _command in (
    *hwsim.cli.COMMANDS,
    *snntrain.cli.COMMANDS,
    *snnexport.commands.files.COMMANDS,
    *snnexport.commands.converting.COMMANDS,
    *snnexport.commands.running.COMMANDS,
):
    main.add_command(_command)

if __name__ == "__main__":  # torchrun starts modules
    main()
