"""Whether sky positions can be right, and which part of the sky they cover."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from registry.healpix import HEALPIX_ORDER, healpix_index

__all__ = ["COVERAGE_ORDER", "PositionScan"]

COVERAGE_ORDER = 10
"""Order of the coverage map: cells of 3.4 arcmin."""

_MAX_MOC_CHARACTERS = 64_000
"""Length of a stored map at most; a sparse one is made coarser until it fits."""

_EXAMPLES = 3

_Doubles = npt.NDArray[np.float64]


class _Fault:
    """One kind of wrong value: how many, and the first ones."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        self.count = 0
        self.examples: list[str] = []

    def see(self, wrong: npt.NDArray[np.bool_], values: _Doubles, first_row: int) -> None:
        """Count the wrong values of a batch."""
        places = np.flatnonzero(wrong)
        self.count += len(places)
        for place in places[: _EXAMPLES - len(self.examples)]:
            self.examples.append(f"row {first_row + int(place) + 1}: {values[place]:.10g}")


class PositionScan:
    """Checks right ascensions and declinations batch by batch, and maps their cells.

    Parameters
    ----------
    ra_name, dec_name
        Names of the columns in the file, for the messages.
    """

    def __init__(self, ra_name: str, dec_name: str) -> None:
        self._names = (ra_name, dec_name)
        self._rows = 0
        self._known = 0
        self._null = 0
        self._half = 0
        self._ra_360 = 0
        self._ra_fault = _Fault("must be finite, at least 0 and below 360 degrees")
        self._dec_fault = _Fault("must be finite, between -90 and 90 degrees")
        self._cells = np.zeros(12 * 4**COVERAGE_ORDER, dtype=np.bool_)
        self._ra_range = (np.inf, -np.inf)
        self._dec_range = (np.inf, -np.inf)

    def see(self, ra: pa.Array, dec: pa.Array) -> None:
        """Check the next positions.

        Parameters
        ----------
        ra, dec
            Numbers in degrees; null and NaN mean that the object has no position.
        """
        ra_deg, dec_deg = _doubles(ra), _doubles(dec)
        no_ra, no_dec = np.isnan(ra_deg), np.isnan(dec_deg)
        self._null += int(np.count_nonzero(no_ra | no_dec))
        self._half += int(np.count_nonzero(no_ra ^ no_dec))
        with np.errstate(invalid="ignore"):
            wrong_ra = ~no_ra & ~((ra_deg >= 0) & (ra_deg < 360))
            wrong_dec = ~no_dec & ~((dec_deg >= -90) & (dec_deg <= 90))
        self._ra_360 += int(np.count_nonzero(ra_deg == 360))
        self._ra_fault.see(wrong_ra, ra_deg, self._rows)
        self._dec_fault.see(wrong_dec, dec_deg, self._rows)
        good = ~(no_ra | no_dec | wrong_ra | wrong_dec)
        self._rows += len(ra_deg)
        self._known += int(np.count_nonzero(good))
        if good.any():
            self._see_good(ra_deg[good], dec_deg[good])

    def problems(self) -> list[str]:
        """Say what is wrong with the positions, with counts and examples."""
        found = []
        for name, fault in zip(self._names, (self._ra_fault, self._dec_fault), strict=True):
            if fault.count:
                found.append(
                    f"column {name!r} {fault.rule}: {fault.count} of {self._rows} rows are not "
                    f"({'; '.join(fault.examples)}){self._hint(fault)}"
                )
        return found

    def warnings(self) -> list[str]:
        """Say what is allowed but perhaps not meant."""
        ra_name, dec_name = self._names
        found = []
        if self._null:
            found.append(
                f"{self._null} of {self._rows} rows have no position ({ra_name!r} or "
                f"{dec_name!r} is null); no positional search will find them"
            )
        if self._looks_like_radians():
            found.append(
                f"columns {ra_name!r} and {dec_name!r} look like radians (at most "
                f"{self._ra_range[1]:.4g} and {self._dec_range[1]:.4g}); degrees are expected"
            )
        elif self._looks_like_hours():
            found.append(
                f"column {ra_name!r} looks like hours (from {self._ra_range[0]:.4g} to "
                f"{self._ra_range[1]:.4g}); degrees are expected: multiply hours by 15"
            )
        return found

    def coverage(self) -> str | None:
        """Give the sky coverage as a MOC in ASCII, or none without any position."""
        cells = np.flatnonzero(self._cells)
        if len(cells) == 0:
            return None
        from mocpy import MOC

        depths = np.full(len(cells), COVERAGE_ORDER, dtype=np.uint8)
        moc = MOC.from_healpix_cells(cells.astype(np.uint64), depths, COVERAGE_ORDER)
        text: str = moc.to_string(format="ascii")
        order = COVERAGE_ORDER
        while len(text) > _MAX_MOC_CHARACTERS and order > 0:
            order -= 1
            moc = moc.degrade_to_order(order)
            text = moc.to_string(format="ascii")
        return text

    def _see_good(self, ra_deg: _Doubles, dec_deg: _Doubles) -> None:
        index = healpix_index(pa.array(ra_deg), pa.array(dec_deg)).to_numpy()
        self._cells[index >> 2 * (HEALPIX_ORDER - COVERAGE_ORDER)] = True
        low, high = self._ra_range
        self._ra_range = (min(low, float(ra_deg.min())), max(high, float(ra_deg.max())))
        low, high = self._dec_range
        self._dec_range = (min(low, float(dec_deg.min())), max(high, float(dec_deg.max())))

    def _hint(self, fault: _Fault) -> str:
        if fault is self._ra_fault:
            if self._ra_360 == fault.count:
                return "; 360 degrees is written 0"
            return "; negative right ascensions need 360 added, and -99 or 999 are not positions"
        return "; are right ascension and declination swapped, or is -99 a missing value?"

    def _looks_like_radians(self) -> bool:
        return (
            self._known >= 10
            and self._ra_range[1] <= 2 * np.pi
            and max(map(abs, self._dec_range)) <= np.pi / 2
            and self._ra_range[1] - self._ra_range[0] > np.pi
        )

    def _looks_like_hours(self) -> bool:
        return (
            self._known >= 10
            and self._ra_range[1] < 24
            and self._ra_range[1] - self._ra_range[0] > 18
            and self._dec_range[1] - self._dec_range[0] > 30
        )


def _doubles(values: pa.Array) -> _Doubles:
    result: _Doubles = (
        values.cast(pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False)
    )
    return result
