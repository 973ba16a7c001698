"""PNG pictures as pixels: two files that look the same are the same, whatever wrote them.

The decoder is small on purpose: it reads what matplotlib and PIL write (8 bits, no interlace),
and refuses anything larger than a screen wall before it inflates a byte.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator

from msgspec import Struct

MOST_PIXELS = 64_000_000
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type -> samples of a pixel


class PictureError(Exception):
    """It is no PNG, or one that this decoder does not read; the text says why."""


class Picture(Struct, frozen=True):
    """A decoded picture."""

    width: int
    height: int
    pixels: bytes  # RGBA, 8 bits each, row by row


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


def decode_picture(text: str) -> Picture:
    """A PNG as Jupyter saves it: base64, maybe in lines. Raises PictureError."""
    try:
        data = base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        raise PictureError("it is not base64") from None
    return decode_png(data)


def decode_png(data: bytes) -> Picture:
    """The pixels of a PNG file. Raises PictureError."""
    if not data.startswith(_SIGNATURE):
        raise PictureError("it is no PNG")
    try:
        return _decode(data)
    except (zlib.error, struct.error, IndexError, ValueError) as error:
        raise PictureError(f"it is a broken PNG ({error})") from None


def _decode(data: bytes) -> Picture:
    header: tuple[int, ...] = ()
    palette, alpha, packed = b"", b"", bytearray()
    for kind, body in _chunks(data):
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"PLTE":
            palette = body
        elif kind == b"tRNS":
            alpha = body
        elif kind == b"IDAT":
            packed += body
    if not header:
        raise PictureError("it is a PNG without a header")
    width, height, depth, color, _, _, interlace = header
    if not 0 < width * height <= MOST_PIXELS:
        raise PictureError(f"it is {width}x{height} pixels large")
    if depth != 8 or interlace or color not in _CHANNELS or (alpha and color in (0, 2)):
        raise PictureError(f"it is a PNG of a rare kind (depth {depth}, type {color})")
    step = width * _CHANNELS[color]
    inflater = zlib.decompressobj()
    raw = inflater.decompress(bytes(packed), (step + 1) * height)
    if len(raw) != (step + 1) * height:
        raise PictureError("it is a PNG that ends too early")
    rows = b"".join(_unfilter(raw, step, height, _CHANNELS[color]))
    return Picture(width, height, _to_rgba(rows, color, palette, alpha))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(_SIGNATURE)
    while position + 8 <= len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        kind = data[position + 4 : position + 8]
        yield kind, data[position + 8 : position + 8 + length]
        position += 12 + length


def _unfilter(raw: bytes, step: int, height: int, size: int) -> Iterator[bytes]:
    """Undo the filter of each row: PNG specification, section 9."""
    above = bytes(step)
    for number in range(height):
        start = number * (step + 1)
        kind, row = raw[start], bytearray(raw[start + 1 : start + 1 + step])
        if kind == 1:
            for i in range(size, step):
                row[i] = (row[i] + row[i - size]) & 255
        elif kind == 2:
            row = bytearray((x + y) & 255 for x, y in zip(row, above, strict=True))
        elif kind == 3:
            for i in range(step):
                left = row[i - size] if i >= size else 0
                row[i] = (row[i] + (left + above[i]) // 2) & 255
        elif kind == 4:
            _undo_paeth(row, above, size)
        elif kind:
            raise ValueError(f"filter {kind}")
        above = bytes(row)
        yield above


def _undo_paeth(row: bytearray, above: bytes, size: int) -> None:
    for i in range(len(row)):
        left, corner = (row[i - size], above[i - size]) if i >= size else (0, 0)
        up = above[i]
        to_left, to_up = abs(up - corner), abs(left - corner)
        to_corner = abs(left + up - 2 * corner)
        if to_left <= to_up and to_left <= to_corner:
            guess = left
        else:
            guess = up if to_up <= to_corner else corner
        row[i] = (row[i] + guess) & 255


def _to_rgba(rows: bytes, color: int, palette: bytes, alpha: bytes) -> bytes:
    if color == 6:
        return rows
    if color == 3:
        count = len(palette) // 3
        alpha = alpha.ljust(count, b"\xff")
        table = [palette[3 * i : 3 * i + 3] + alpha[i : i + 1] for i in range(count)]
        return b"".join([table[value] for value in rows])
    channels = _CHANNELS[color]
    result = bytearray(b"\xff") * (len(rows) // channels * 4)
    for channel in range(3):
        result[channel::4] = rows[min(channel, channels - 1) if color == 2 else 0 :: channels]
    if color == 4:
        result[3::4] = rows[1::2]
    return bytes(result)


def compare_pictures(reference: Picture, other: Picture) -> PictureDifference | None:
    """How two pictures differ; None if every pixel is the same."""
    sizes = ((reference.width, reference.height), (other.width, other.height))
    if sizes[0] != sizes[1]:
        return PictureDifference(sizes)
    if reference.pixels == other.pixels:
        return None
    pixels = largest = 0
    row = 4 * reference.width
    for start in range(0, len(reference.pixels), row):
        a, b = reference.pixels[start : start + row], other.pixels[start : start + row]
        if a == b:
            continue
        for i in range(0, row, 4):
            if a[i : i + 4] != b[i : i + 4]:
                pixels += 1
                deltas = map(abs, (x - y for x, y in zip(a[i : i + 4], b[i : i + 4], strict=True)))
                largest = max(largest, *deltas)
    return PictureDifference(sizes, pixels, largest)
