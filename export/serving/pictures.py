"""PNG bytes as the signature `png` takes and gives them."""

import io

import numpy as np
from PIL import Image


def encode_png(values):
    """The bytes of a PNG.

    Args:
        values: integers (height, width) in 0..65535, stored as they are in 8 bits where they fit, else in 16;
            or uint8 (height, width, 3), RGB.
    """
    values = np.asarray(values)
    content = io.BytesIO()
    Image.fromarray(values.astype(np.uint8 if values.max() < 256 else np.uint16)).save(content, format="PNG")
    return content.getvalue()


def file_values(labels, classes):
    """The values that a label file stores for label ids.

    Args:
        labels: integers (height, width), 0..num_classes; num_classes is unknown.
        classes: `ClassList`.
    """
    unknown = [classes.unknown_label] if classes.has_unknown else []
    return np.array([*classes.file_values, *unknown], np.int32)[labels]
