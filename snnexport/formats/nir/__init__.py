"""NIR, the neuromorphic intermediate representation: files of nodes and edges, read and written."""

from typing import TYPE_CHECKING

from hwsim.lazy import lazy

if TYPE_CHECKING:
    from snnexport.formats.nir.load import assumed, read_nir
    from snnexport.formats.nir.profiles import PROFILES, Current, Profile, Reset
    from snnexport.formats.nir.write import write_file
    from snnexport.formats.nir.writing import from_graph

__getattr__ = lazy(
    "snnexport.formats.nir",
    {
        "writing": ("from_graph",),
        "load": ("assumed", "read_nir"),
        "profiles": ("PROFILES", "Current", "Profile", "Reset"),
        "write": ("write_file",),
    },
)

__all__ = [
    "PROFILES",
    "Current",
    "Profile",
    "Reset",
    "assumed",
    "from_graph",
    "read_nir",
    "write_file",
]
