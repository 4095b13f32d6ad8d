"""Files of other tools become Programs: what ``spikeport convert`` does."""

from __future__ import annotations

from pathlib import Path

from hwsim.arith import Range
from hwsim.errors import UnsupportedError
from hwsim.program import Program
from hwsim.synapses import Shape
from snnexport.formats.netx.read import read_netx

NETX, ONNX = ".net", ".onnx"


def convert(
    source: Path,
    target: Path,
    *,
    period: int | None = None,
    input_range: Range | None = None,
    input_shape: Shape | None = None,
    num_layers: int | None = None,
) -> Program:
    """Write the network in ``source``, a netx file (.net), to ``target`` (.onnx), and return it.

    The options are those of :func:`snnexport.formats.netx.read.read_netx`. ``target`` is whole
    or it is as it was.

    Raises
    ------
    UnsupportedError
        If ``source`` or ``target`` is of another kind.
    FileError, CheckError
        As ``read_netx`` does, or if ``target`` cannot be written.
    """
    for path, wanted in ((source, NETX), (target, ONNX)):
        if path.suffix != wanted:
            raise UnsupportedError(
                f"{path}: does not end in {wanted}",
                hint=f"convert reads netx files ({NETX}) and writes programs ({ONNX})",
            )
    program = read_netx(
        source,
        period=period,
        input_range=input_range,
        input_shape=input_shape,
        num_layers=num_layers,
    )
    program.save(target)
    return program
