"""NIR, the neuromorphic intermediate representation: files of nodes and edges, read and written."""

from typing import TYPE_CHECKING

from hwsim.lazy import lazy

if TYPE_CHECKING:
    from snnexport.formats.nir.file_out import write_file
    from snnexport.formats.nir.graph_out import from_graph
    from snnexport.formats.nir.load import assumed, read_nir
    from snnexport.formats.nir.profiles import PROFILES, Current, Profile, Reset

__getattr__ = lazy(
    "snnexport.formats.nir",
    {
        "graph_out": ("from_graph",),
        "load": ("assumed", "read_nir"),
        "profiles": ("PROFILES", "Current", "Profile", "Reset"),
        "file_out": ("write_file",),
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
