"""Reads recordings with tonic, expelliarmus and SpikingJelly: FOLDER -> FOLDER/theirs.npz.

Runs in a Python of its own, which need not have spikeport. What is not in FOLDER is not read.
"""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import tonic.io
import torch
from expelliarmus import Wizard
from tonic.datasets.nmnist import NMNIST
from tonic.functional import to_frame_numpy

# torchvision and torchaudio for CUDA cannot be imported beside a torch without. Of the first only
# downloads are used here, which ask for no operator of its own; of the second nothing.
try:
    import torchvision  # noqa: F401
except RuntimeError:
    operators = torch.library.Library("torchvision", "DEF")
    for missing in ("nms", "qnms"):
        operators.define(f"{missing}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
sys.modules["torchaudio"] = ModuleType("torchaudio")
from spikingjelly.datasets import cifar10_dvs, dvs128_gesture, utils  # noqa: E402

FRAMES, SIDE = 4, 34


def aedat4(path):
    events = tonic.io.read_aedat4(str(path))
    return {"t": events["t"], "x": events["x"], "y": events["y"], "p": events["on"]}


def nmnist(path):
    return tonic.io.read_mnist_file(str(path), NMNIST.dtype)


def frames(path):
    """Return frames by count and by time of a recording, each of both tools."""
    events = nmnist(path)
    named = {name: events[name] for name in "txyp"}
    window = (int(events["t"][-1]) + 1) // FRAMES
    size = (SIDE, SIDE, 2)
    both = {
        "tonic_count": to_frame_numpy(events, size, n_event_bins=FRAMES),
        "tonic_time": to_frame_numpy(events, size, time_window=window, include_incomplete=True),
    }
    for name, split in (("jelly_count", "number"), ("jelly_time", "time")):
        both[name] = utils.integrate_events_by_fixed_frames_number(named, split, FRAMES, SIDE, SIDE)
    return both


def gesture(path):
    """Return the second gesture of a trial, cut out as SpikingJelly stores it."""
    stored = {}
    save, utils.np_savez = utils.np_savez, lambda file, **a: stored.update({file: a})
    try:
        dvs128_gesture._split_aedat_files_to_np(
            "made", path, path.with_name("gesture_labels.csv"), path.parent
        )
    finally:
        utils.np_savez = save
    return list(stored.values())[1]


def spoken(path):
    """Return a recording of SHD as tonic gives it; its class would look for the archive too."""
    own = SimpleNamespace(location_on_system=path.parent, data_filename=path.name)
    own.dtype, own.transform, own.target_transform = tonic.datasets.hsd.HSD.dtype, None, None
    events, _ = tonic.datasets.hsd.HSD.__getitem__(own, 1)
    return events


READERS = {
    "sample.aedat4": aedat4,
    "sample_nmnist.bin": nmnist,
    "sample_ncars.dat": lambda path: Wizard(encoding="dat").read(str(path)),
    "made.bin": nmnist,
    "frames.bin": frames,
    "made2.aedat": cifar10_dvs._load_origin_data,
    "made3.aedat": utils.load_aedat_v3,
    "gesture.aedat": gesture,
    "shd_test.h5": spoken,
}

if __name__ == "__main__":
    folder, found = Path(sys.argv[1]), {}
    for name, read in READERS.items():
        if (folder / name).exists():
            events = read(folder / name)
            fields = (
                events
                if isinstance(events, dict)
                else {field: events[field] for field in events.dtype.names}
            )
            found |= {f"{name}/{field}": np.asarray(values) for field, values in fields.items()}
    np.savez(folder / "theirs.npz", **found)
