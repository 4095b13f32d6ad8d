"""Imagenette: photographs of ten easy classes of ImageNet, made 96x96 pixels of 0..255.

Source: J. Howard, https://github.com/fastai/imagenette, version 2; md5 from torchvision 0.28
``Imagenette._ARCHIVES``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwsim.errors import FileError, MissingExtraError
from snntrain.data.division import divided
from snntrain.data.files import Archive, Official, official_path
from snntrain.data.kept import kept

HIGH = 255
SIDE = 96
CLASSES = (
    "n01440764", "n02102040", "n02979186", "n03000684", "n03028079",
    "n03394916", "n03417042", "n03425413", "n03445777", "n03888257",
)  # fmt: skip
"""WordNet names of the folders: tench, springer, cassette player, chain saw, church, French horn,
garbage truck, gas pump, golf ball, parachute. A label is a place in this list."""
URL = "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz"
IMAGENETTE = Official(
    "imagenette",
    ("imagenette2-160", "imagenette2-96", "imagenette2-320", "imagenette2"),
    f"download {URL}",
    Archive("imagenette2-160.tgz", "e793b78cc4c9e9a4ccc0c1155377a412", URL),
)


def read(split: str, root: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 3, 96, 96) uint8 and labels (N,) int64 of ``split``.

    The official ``val`` is the test split; the last tenth of each class of ``train``, in order of
    file names, validates. Classes take turns. What is decoded once is kept, see
    :func:`snntrain.data.kept.kept`.
    """
    folder = official_path(IMAGENETTE, root) / ("val" if split == "test" else "train")
    found = sorted(
        (turn, label, path)
        for label, name in enumerate(CLASSES)
        for turn, path in enumerate(sorted((folder / name).glob("*.JPEG")))
    )
    labels = np.array([label for _, label, _ in found], np.int64)
    if len(np.unique(labels)) < len(CLASSES):
        raise FileError(
            f"{folder}: has pictures of {len(np.unique(labels))} classes, not {len(CLASSES)}",
            hint=IMAGENETTE.hint,
        )
    rows = divided(labels, split)
    paths = [found[row][2] for row in rows]

    def decode(into: np.ndarray) -> None:
        for place, path in zip(into, paths, strict=True):
            place[...] = decoded(path)

    shape = (len(paths), 3, SIDE, SIDE)
    return kept(f"imagenette-{split}", shape, str(paths), paths, decode), labels[rows]


def decoded(path: Path) -> np.ndarray:
    """Return the middle square of a picture, made (3, 96, 96) uint8, bicubic; grey as colour."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ModuleNotFoundError:
        raise MissingExtraError(
            "data 'imagenette' needs pillow, which is not installed",
            hint="pip install 'spikeport[data]'",
        ) from None
    try:
        with Image.open(path, formats=("JPEG",)) as image:
            side = min(image.size)
            left, top = ((length - side) // 2 for length in image.size)
            middle = image.convert("RGB").crop((left, top, left + side, top + side))
            small = middle.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise FileError(f"{path}: is no picture: {error}", hint=IMAGENETTE.hint) from None
    return np.asarray(small, np.uint8).transpose(2, 0, 1)
