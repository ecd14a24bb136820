"""Files of a map: an image with world coordinates, the cells themselves, and a picture."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from registry.maps.drawing import CellMap, MapPlan, projection

__all__ = ["cells_file", "image_file", "picture"]

_COLOURS = (
    (68, 1, 84), (72, 40, 120), (62, 74, 137), (49, 104, 142), (38, 130, 142), (31, 158, 137),
    (53, 183, 121), (109, 205, 89), (180, 222, 44), (253, 231, 37),
)  # fmt: skip
"""Colours from low to high, those of viridis: read in grey and by the colour-blind alike."""

_Doubles = npt.NDArray[np.float64]


def image_file(plan: MapPlan, image: _Doubles, said: Mapping[str, object]) -> bytes:
    """Write an image in FITS.

    Parameters
    ----------
    plan
        Of the map.
    image
        Value of each pixel, NaN for none.
    said
        Words of the header.
    """
    from astropy.io import fits

    hdu = fits.PrimaryHDU(image.astype(np.float32), projection(plan).to_header())
    return _written(hdu, said)


def cells_file(plan: MapPlan, found: CellMap, kind: str, said: Mapping[str, object]) -> bytes:
    """Write the cells as a partial HEALPix map in FITS.

    Parameters
    ----------
    plan
        Of the map.
    found
        The cells.
    kind
        ``density`` or ``redshift``.
    said
        Words of the header.

    Notes
    -----
    The words are those by which ``healpy.read_map`` and Aladin know one.
    """
    from astropy.io import fits

    values = found.counts if kind == "density" or found.means is None else found.means
    columns = [
        fits.Column("PIXEL", "K", array=found.cells),
        fits.Column("DENSITY" if kind == "density" else "REDSHIFT", "D", array=values),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="MAP")
    words = {
        "PIXTYPE": "HEALPIX", "ORDERING": "NESTED", "NSIDE": 2**plan.order, "COORDSYS": "C",
        "INDXSCHM": "EXPLICIT", "OBJECT": "PARTIAL", "OBS_NPIX": len(found.cells),
    }  # fmt: skip
    return _written(hdu, {**words, **said})


def picture(image: _Doubles, *, stretched: bool) -> bytes:
    """Draw an image in colours, as PNG; what has no value is transparent.

    Parameters
    ----------
    image
        Value of each pixel, NaN for none.
    stretched
        Whether low values are to be told apart better than high ones.
    """
    known = np.isfinite(image)
    values = np.where(known, image, 0.0)
    low, high = np.percentile(image[known], (1, 99.5)) if known.any() else (0.0, 1.0)
    scaled = np.clip((values - low) / ((high - low) or 1.0), 0, 1)
    if stretched:
        scaled = np.sqrt(scaled)
    anchors = np.array(_COLOURS, dtype=float)
    place = np.linspace(0, len(anchors) - 1, 255)
    palette = np.stack(
        [np.interp(place, np.arange(len(anchors)), anchors[:, band]) for band in range(3)], axis=1
    )
    colours = np.vstack([np.zeros((1, 3)), np.rint(palette)]).astype(np.uint8)
    index = np.where(known, 1 + np.rint(scaled * 254), 0).astype(np.uint8)
    return _png(index[::-1], colours)


def _png(index: npt.NDArray[np.uint8], colours: npt.NDArray[np.uint8]) -> bytes:
    """Write an image of indexed colours, of which the first is transparent (PNG 1.2)."""
    lines, pixels = index.shape
    # Each line begins with the number of its filter: none.
    raw = np.concatenate([np.zeros((lines, 1), np.uint8), index], axis=1).tobytes()
    head = struct.pack(">IIBBBBB", pixels, lines, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", head), (b"PLTE", colours.tobytes()), (b"tRNS", b"\0"),
        (b"IDAT", zlib.compress(raw)), (b"IEND", b""),
    )  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


def _written(hdu: Any, said: Mapping[str, object]) -> bytes:  # noqa: ANN401 - astropy has no types
    import io

    from astropy.io import fits

    for word, value in said.items():
        hdu.header[word] = value
    file = io.BytesIO()
    hdus = [hdu] if isinstance(hdu, fits.PrimaryHDU) else [fits.PrimaryHDU(), hdu]
    fits.HDUList(hdus).writeto(file)
    return file.getvalue()
