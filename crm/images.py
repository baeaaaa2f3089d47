"""Is a picture one? Its mark is easily forged, so it is decoded; one that would fill the memory is not."""

from __future__ import annotations

import warnings
from typing import Any

from PIL import Image

# What is decoded, by the end of the name; HEIC is known by its mark alone.
FORMATS = {
    "png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "gif": "GIF", "bmp": "BMP", "tif": "TIFF", "tiff": "TIFF",
    "webp": "WEBP",
}  # fmt: skip
# Pixels: beyond the first it is a bomb, beyond the second only its frame is checked, for decoding takes 4 bytes each.
MOST_PIXELS = 200_000_000
MOST_DECODED = 16_000_000


def is_sound(upload: Any, suffix: str) -> bool:
    """Does an upload hold a picture of the kind that its name says, whole and of a size that can be?

    A photo is decoded at an eighth of its size, which reads all of it and costs little.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(upload, formats=[FORMATS[suffix]]) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    return False
                if image.format == "JPEG":
                    image.draft("RGB", (width // 8, height // 8))
                elif width * height > MOST_DECODED:
                    image.verify()
                    return True
                image.load()
    except (OSError, ValueError, SyntaxError, EOFError, ArithmeticError, Image.DecompressionBombError):
        return False
    finally:
        upload.seek(0)
    return True
