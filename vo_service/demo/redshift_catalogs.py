"""Redshift catalogues of the demo sky, each survey with columns and flags of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_service.demo.cosmology import FloatArray
from vo_service.demo.simulation import BoolArray, SimulatedSky
from vo_service.demo.sky import FIELDS
from vo_service.demo.spectra import BANDS
from vo_service.demo.surveys import SpectroscopicSample
from vo_service.demo.tables import (
    BAND_UCDS,
    AnnotatedColumn,
    DemoProduct,
    nullable,
    position_columns,
)

FLAG_UCD = "meta.code.qual;src.redshift"
"""UCD of quality flags that have no alias."""

OBSERVER_COMMENTS = (
    "émission [O II] nette, λ ≈ 7 450 Å",
    "absorption Ca H+K, 4000 Å-Sprung deutlich",
    "très faible ; à revoir",
    "Linie auf Nachthimmel-Rest, unsicher",
    "fente décalée de 0,3″",
    "línea única, ¿Lyman-alfa?",
    "星系核 活動?",
)
"""What observers of several countries write beside a spectrum."""

Rows = npt.NDArray[np.integer]


def redshift_catalog(sky: SimulatedSky, sample: SpectroscopicSample, seed: int) -> DemoProduct:
    """Return the catalogue of one survey as a product, in the survey's own format."""
    rng = np.random.default_rng([seed, 2000 + sample.design.number])
    text, columns = _FORMATS[sample.design.name]
    description = (
        f"Simulated redshift survey {sample.design.name}: {text} Its targets are objects of "
        "the demo sky, some of them seen by other demo surveys too, with the survey's own small "
        "errors of position; a few redshifts are wrong, most of them with a low flag."
    )
    return DemoProduct.of_columns(
        f"{sample.design.name} redshifts",
        "redshift_catalog",
        description,
        columns(sky, sample, rng),
    )


def _redshift(values: FloatArray, description: str) -> AnnotatedColumn:
    return AnnotatedColumn(nullable(values), description, alias="z")


def _error(sample: SpectroscopicSample, description: str) -> AnnotatedColumn:
    values = np.where(sample.confidence == 0, np.nan, sample.error)
    return AnnotatedColumn(nullable(values.astype(np.float32)), description, alias="z_err")


def _format_of(survey: str, count: int) -> AnnotatedColumn:
    """Name the real survey whose flags a catalogue has, as translations of flags know it."""
    return AnnotatedColumn(
        pa.array([survey] * count, pa.string()),
        "Survey whose quality flags these are like.",
        alias="survey",
    )


def _magnitude(sky: SimulatedSky, sample: SpectroscopicSample) -> AnnotatedColumn:
    band = sample.design.band
    values = sky.magnitudes[sample.source, BANDS.index(band)].astype(np.float32)
    return AnnotatedColumn(
        nullable(np.round(values, 2)),
        f"{band} magnitude (AB) of the target selection.",
        ucd=f"phot.mag;{BAND_UCDS[band]}",
        unit="mag",
    )


def _bright_columns(
    sky: SimulatedSky, sample: SpectroscopicSample, rng: np.random.Generator
) -> dict[str, AnnotatedColumn]:
    count = len(sample)
    serial = np.arange(1, count + 1, dtype=np.int32)
    quality = np.clip(sample.confidence + (sample.score > 1.8), 1, 5).astype(np.int16)
    snr = 2.5 * 10.0 ** (0.3 * sample.score) * rng.uniform(0.8, 1.25, count)
    return {
        "SERIAL": AnnotatedColumn(pa.array(serial), "Serial number of the spectrum.", alias="ID"),
        **position_columns(("RA", "DEC"), sample.ra_deg, sample.dec_deg),
        "Z": _redshift(
            np.round(sample.redshift, 5), "Best heliocentric redshift; null if none was found."
        ),
        "QUALITY": AnnotatedColumn(
            pa.array(quality),
            "Redshift quality: 1 none or a guess, 2 possible, 3 probable, 4 reliable, 5 excellent.",
            alias="z_flag",
        ),
        "SURVEY": _format_of("2DFGRS", count),
        "R_SEL": _magnitude(sky, sample),
        "SNR": AnnotatedColumn(
            nullable(snr.astype(np.float32), rng.random(count) < 0.02),
            "Median signal to noise per pixel of the spectrum.",
            ucd="stat.snr",
        ),
        "FIELD": AnnotatedColumn(
            pa.array([FIELDS[index].name for index in sky.field[sample.source]], pa.string()),
            "Field of the target.",
            ucd="meta.id",
        ),
    }


def _slit_columns(
    sky: SimulatedSky, sample: SpectroscopicSample, rng: np.random.Generator
) -> dict[str, AnnotatedColumn]:
    count = len(sample)
    flag = np.where(sample.is_single_line, 9, sample.confidence)
    flag = np.where(rng.random(count) < 0.07, flag + 20, flag).astype(np.int16)
    comment = np.array(OBSERVER_COMMENTS, dtype=object)[
        rng.integers(0, len(OBSERVER_COMMENTS), count)
    ]
    silent = rng.random(count) > np.where(sample.confidence < 3, 0.35, 0.06)
    return {
        "NUM": AnnotatedColumn(
            pa.array(20_000_000 + rng.permutation(count)), "Number of the target.", alias="ID"
        ),
        **position_columns(("ALPHA", "DELTA"), sample.ra_deg, sample.dec_deg),
        "Z": _redshift(np.round(sample.redshift, 4), "Redshift; null where the flag is 0 or 20."),
        "ZFLAGS": AnnotatedColumn(
            pa.array(flag),
            "0 none, 1 about 50% sure, 2 about 85%, 3 about 97%, 4 certain, 9 single line; "
            "20 is added for second objects in a slit.",
            alias="z_flag",
        ),
        "SURVEY": _format_of("VVDS", count),
        "MAG_I": _magnitude(sky, sample),
        "Observer comment": AnnotatedColumn(
            pa.array(comment, pa.string(), mask=silent),
            "Free remark of the observer, in the observer's language.",
            ucd="meta.note",
        ),
    }


def _fibre_columns(
    sky: SimulatedSky, sample: SpectroscopicSample, rng: np.random.Generator
) -> dict[str, AnnotatedColumn]:
    count = len(sample)
    # Repeats of a target keep its identifier.
    target_id = (np.int64(39_627_000_000) + sample.source) * np.int64(1_000_000) + 7
    unsure = sample.confidence < 2
    warning = np.where(unsure, 4, 0) + np.where(rng.random(count) < 0.02, 32, 0)
    spectral_type = np.where(sky.is_star[sample.source], "STAR", "GALAXY")
    difference = 9.0 * 10.0 ** (0.55 * np.maximum(sample.score + 1.2, 0.0) ** 1.1)
    guess = np.isnan(sample.redshift)
    redshift = np.where(guess, rng.uniform(0.0, 1.7, count), sample.redshift)
    return {
        "TARGETID": AnnotatedColumn(
            pa.array(target_id), "Identifier of the target, 64 bits; repeats keep it.", alias="ID"
        ),
        **position_columns(("TARGET_RA", "TARGET_DEC"), sample.ra_deg, sample.dec_deg),
        "Z": _redshift(redshift, "Redshift of the best-fitting template, also where it is unsure."),
        "ZERR": AnnotatedColumn(
            pa.array(sample.error), "1-sigma error of the fitted redshift.", alias="z_err"
        ),
        "ZWARN": AnnotatedColumn(
            pa.array(warning.astype(np.int64)),
            "Bit mask of warnings, 0 is good: 4 small difference of chi2, 32 bad fibre.",
            alias="z_flag",
        ),
        "SURVEY": _format_of("DESI", count),
        "SPECTYPE": AnnotatedColumn(
            pa.array(spectral_type.tolist(), pa.string()),
            "Class of the best template: GALAXY or STAR.",
            ucd="src.class",
        ),
        "DELTACHI2": AnnotatedColumn(
            pa.array(difference), "Chi2 between best and second template.", ucd="stat.fit.chi2"
        ),
        "MAG_R": _magnitude(sky, sample),
        "ZCAT_PRIMARY": AnnotatedColumn(
            pa.array(~sample.is_repeat),
            "True for the first spectrum of a target.",
            ucd="meta.code",
        ),
    }


def _grism_columns(
    sky: SimulatedSky, sample: SpectroscopicSample, rng: np.random.Generator
) -> dict[str, AnnotatedColumn]:
    count = len(sample)
    failed = np.isnan(sample.redshift)
    half_width = sample.error * rng.uniform(0.9, 1.3, count)
    lower = np.maximum(sample.redshift - half_width, 0.0)
    usable: BoolArray = sample.confidence >= 3
    return {
        "phot_id": AnnotatedColumn(
            pa.array((1 + rng.permutation(count)).astype(np.int32)),
            "Number in the grism catalogue.",
            alias="ID",
        ),
        **position_columns(("ra", "dec"), sample.ra_deg, sample.dec_deg),
        "z.best": _redshift(sample.redshift, "Grism redshift; null if the fit did not converge."),
        "z.err": _error(sample, "Half width of the 68% interval of the fit."),
        "z.l68": AnnotatedColumn(
            nullable(lower, failed), "Lower end of the 68% interval.", ucd="src.redshift;stat.min"
        ),
        "z.u68": AnnotatedColumn(
            nullable(sample.redshift + half_width, failed),
            "Upper end of the 68% interval.",
            ucd="src.redshift;stat.max",
        ),
        "use.zgrism": AnnotatedColumn(
            pa.array(usable.astype(np.int16)),
            "1 if the grism redshift should be used, else 0.",
            alias="z_flag",
        ),
        "y_mag": _magnitude(sky, sample),
        "type": AnnotatedColumn(
            pa.array(["g"] * count, pa.string()), "Kind of measurement: g grism.", ucd="meta.code"
        ),
    }


def _deep_columns(
    sky: SimulatedSky, sample: SpectroscopicSample, rng: np.random.Generator
) -> dict[str, AnnotatedColumn]:
    count = len(sample)
    names = np.char.add("DEMO-", np.char.zfill((1 + rng.permutation(count)).astype(str), 7))
    programme = np.array(["DEMO-DEEP A", "DEMO-DEEP B", "DEMO-DEEP pilot"], dtype=object)
    confidence = sample.confidence + np.where(sample.is_single_line, 0.1, 0.5)
    return {
        "Name": AnnotatedColumn(
            pa.array(names.tolist(), pa.string()), "Name of the spectrum.", alias="ID"
        ),
        **position_columns(("RAJ2000", "DEJ2000"), sample.ra_deg, sample.dec_deg),
        "zspec": _redshift(sample.redshift, "Spectroscopic redshift; null if none was found."),
        "e zspec": _error(sample, "1-sigma error of the redshift."),
        "CLASS": AnnotatedColumn(
            nullable(np.round(confidence, 1), sample.confidence == 0),
            "Confidence class 1 to 4 with a decimal: .1 single line, .5 photo-z agrees.",
            alias="z_flag",
        ),
        "Source survey": AnnotatedColumn(
            pa.array(programme[rng.choice(3, count, p=[0.6, 0.35, 0.05])], pa.string()),
            "Programme that took the spectrum.",
            alias="survey",
        ),
        "imag": _magnitude(sky, sample),
        "secure": AnnotatedColumn(
            pa.array(sample.confidence >= 3, mask=sample.confidence == 0),
            "Whether two people agreed on the redshift; null if there is none.",
            ucd=FLAG_UCD,
        ),
    }


_Columns = Callable[
    [SimulatedSky, SpectroscopicSample, np.random.Generator], dict[str, AnnotatedColumn]
]

_FORMATS: dict[str, tuple[str, _Columns]] = {
    "DEMO-2DF": (
        "bright galaxies, r < 20.3, in all fields, with qualities 1 to 5.",
        _bright_columns,
    ),
    "DEMO-VVDS": (
        "slit spectra of i < 24 in three fields, with flags 0 to 4, 9 and 2x.",
        _slit_columns,
    ),
    "DEMO-DESI": (
        "fibre spectra of r < 23.4 in three fields, with stars, repeats and warning bits.",
        _fibre_columns,
    ),
    "DEMO-3DHST": (
        "slitless grism redshifts of y < 24.4 in two fields, less precise than slit spectra.",
        _grism_columns,
    ),
    "DEMO-DEEP": (
        "long exposures of 20.5 < i < 25.2 in three fields, with decimal confidence classes.",
        _deep_columns,
    ),
}
