"""snnexport.formats.lava: writes a Program as a folder that a Lava user can read and run."""

from snnexport.formats.lava.write import unsupported, write_lava

__all__ = ["unsupported", "write_lava"]
