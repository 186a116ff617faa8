"""A folder of pictures of a split's layouts, made by whatever program, in place of a model."""

import os
import pathlib

import numpy as np

from ecgan_tf.data.images import read_photograph
from ecgan_tf.errors import RequestError
from ecgan_tf.pixels import as_float

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


class PictureFolder:
    """Pictures that have the names of the layouts or of the photographs that they belong to.

    Args:
        folder: of the pictures.
        data: `LabelledPhotographs`; every layout must have a picture of the data's image size.
    Raises:
        RequestError: before anything is measured, with the layouts that have none, and those of another size.
    """

    def __init__(self, folder, data):
        self.source = folder
        if not os.path.isdir(folder):
            raise RequestError(f"--pictures={folder}: no such folder; give a folder of pictures.")
        found = {}
        for path in sorted(pathlib.Path(folder).iterdir()):
            if path.suffix.lower() in ENDINGS and not path.name.startswith("."):
                if path.stem in found:
                    raise RequestError(f"{found[path.stem]} and {path} have one name; remove one of them.")
                found[path.stem] = path
        names = [self._names(example) for example in data.examples]
        missing = [each[0] for each in names if not found.keys() & set(each)]
        if missing:
            raise RequestError(
                f"--pictures={folder} has no picture of {len(missing)} of {len(names)} layouts, such as "
                f"{', '.join(missing[:3])}; make one of each, for example by ecgan synthesize."
            )
        self.paths = [next(found[name] for name in each if name in found) for each in names]
        for path in self.paths:
            size = read_photograph(path).shape[:2]
            if size != data.image_size:
                raise RequestError(
                    f"{path} is {size[0]}x{size[1]}, the layouts are measured at {data.image_size[0]}x"
                    f"{data.image_size[1]}; give the size of the pictures by --config.data.image_size."
                )

    @staticmethod
    def _names(example):
        return (pathlib.Path(example.labels).stem, example.name, pathlib.Path(example.image).stem)

    def generate(self, index, batch):
        """The picture of an example: float32 (1, height, width, 3) in [-1, 1]."""
        return as_float(np.asarray(read_photograph(self.paths[index])))[None]
