"""Pictures as pixels: two files that look the same are the same, whatever wrote them."""

from __future__ import annotations

import base64
import binascii
import io
import warnings
from functools import reduce

from msgspec import Struct
from PIL import Image, ImageChops

MOST_PIXELS = 64_000_000
_FORMATS = ("PNG", "JPEG")
_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
"""Of which every pixel is one of RGBA, 8 bits each; of others several would be the same."""


class PictureError(Exception):
    """It is no picture, or one that cannot be compared; the text says why."""


class PictureDifference(Struct, frozen=True):
    """How two pictures differ."""

    sizes: tuple[tuple[int, int], tuple[int, int]]  # (width, height) of both
    pixels: int = 0  # that differ
    largest: int = 0  # difference in one channel, 0-255

    def __str__(self) -> str:
        if self.sizes[0] != self.sizes[1]:
            (a, b), (c, d) = self.sizes
            return f"the picture is {c}x{d} pixels instead of {a}x{b}"
        width, height = self.sizes[0]
        share = 100 * self.pixels / (width * height)
        noun = "pixel differs" if self.pixels == 1 else "pixels differ"
        return f"{self.pixels:,} {noun} ({share:.2g} %), by up to {self.largest} of 255"


def decode_picture(text: str) -> Image.Image:
    """The RGBA pixels of a PNG or JPEG as Jupyter saves it: base64, maybe in lines.

    Raises PictureError. The size is looked at before anything is inflated.
    """
    try:
        data = base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        raise PictureError("it is not base64") from None
    try:
        return _decode(data)
    except PictureError:
        raise
    except Exception as error:  # a broken file makes Pillow raise almost anything
        raise PictureError(f"it is no picture that can be read ({error})") from None


def _decode(data: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MOST_PIXELS is less
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    with image:
        if image.width * image.height > MOST_PIXELS:
            raise PictureError(f"it is {image.width}x{image.height} pixels large")
        if image.mode not in _MODES:
            raise PictureError(f"it is a picture of a rare kind ({image.mode})")
        if getattr(image, "n_frames", 1) != 1:
            raise PictureError("it is animated")
        return image.convert("RGBA")


def compare_pictures(reference: Image.Image, other: Image.Image) -> PictureDifference | None:
    """How two pictures differ; None if every pixel is the same."""
    sizes = (reference.size, other.size)
    if reference.size != other.size:
        return PictureDifference(sizes)
    channels = ImageChops.difference(reference, other).split()
    counts = reduce(ImageChops.lighter, channels).histogram()  # by the largest of a pixel's four
    largest = max(difference for difference, count in enumerate(counts) if count)
    return PictureDifference(sizes, sum(counts[1:]), largest) if largest else None
