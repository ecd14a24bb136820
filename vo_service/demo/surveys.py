"""Spectroscopic surveys: who is observed, which redshift comes out, how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vo_service.demo.cosmology import FloatArray
from vo_service.demo.simulation import SimulatedSky
from vo_service.demo.sky import IntArray, wrapped_ra
from vo_service.demo.spectra import BANDS

WRONG_REDSHIFT_RATES = np.array([1.0, 0.45, 0.14, 0.03, 0.004])
"""Part of wrong redshifts at confidence 0 to 4, near what repeats in VVDS and zCOSMOS show."""

CONFIDENCE_SCORES = (-1.0, -0.4, 0.2, 0.9)
"""Scores, in magnitudes from the limit, from which confidence 1, 2, 3, 4 is given."""

LINE_CONFUSIONS = np.array(
    [3727 / 6563, 6563 / 3727, 5007 / 3727, 3727 / 5007, 1216 / 3727, 3727 / 1216]
)
"""Ratios of the wavelengths of lines that are taken for each other (Lyman alpha to H alpha)."""

DESERT_PENALTY_MAG = 1.3
"""Loss of score in the redshift desert of a survey, where no strong line is seen."""


@dataclass(frozen=True, slots=True)
class SurveyDesign:
    """What one spectroscopic survey observes and how well.

    Attributes
    ----------
    name
        Name of the survey.
    number
        Its own stream of randomness.
    fields
        Indices in `sky.FIELDS`.
    band
        Filter of the selection.
    bright_mag, faint_mag
        Limits of the selection in that filter.
    sampling
        Part of the selected galaxies that gets a spectrum.
    star_sampling
        Part of the selected stars that gets a spectrum.
    redshift_error
        1σ error of a sure redshift in units of 1 + z.
    position_error_arcsec
        1σ error per coordinate.
    limit_mag
        Magnitude at which every second redshift is uncertain.
    desert
        Redshifts between which the spectra show no strong line.
    max_redshift
        Greatest redshift that the survey's templates are fitted at.
    repeated
        Part of the targets that is observed twice.
    """

    name: str
    number: int
    fields: tuple[int, ...]
    band: str
    bright_mag: float
    faint_mag: float
    sampling: float
    star_sampling: float
    redshift_error: float
    position_error_arcsec: float
    limit_mag: float
    desert: tuple[float, float]
    max_redshift: float
    repeated: float = 0.0


@dataclass(frozen=True, slots=True)
class SpectroscopicSample:
    """What one survey has measured; arrays of one length.

    Attributes
    ----------
    design
        The survey.
    source
        Row of the object in the simulated sky.
    ra_deg, dec_deg
        Position in the survey's own astrometry.
    redshift
        Measured redshift, NaN where the spectrum gave none.
    error
        Quoted 1σ error.
    confidence
        0 none, 1 guess, 2 likely, 3 sure, 4 certain.
    score
        Quality of the spectrum in magnitudes from the survey's limit.
    is_single_line
        Whether the redshift rests on one line.
    is_repeat
        Whether the object was observed before by the same survey.
    """

    design: SurveyDesign
    source: IntArray
    ra_deg: FloatArray
    dec_deg: FloatArray
    redshift: FloatArray
    error: FloatArray
    confidence: IntArray
    score: FloatArray
    is_single_line: npt.NDArray[np.bool_]
    is_repeat: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of spectra."""
        return len(self.source)


EVERYWHERE = (0, 1, 2, 3, 4)
"""All fields."""

SURVEYS = (
    SurveyDesign(
        name="DEMO-2DF",
        number=1,
        fields=EVERYWHERE,
        band="r",
        bright_mag=16.0,
        faint_mag=20.3,
        sampling=0.75,
        star_sampling=0.06,
        redshift_error=4e-4,
        position_error_arcsec=0.25,
        limit_mag=20.2,
        desert=(1.4, 9.0),
        max_redshift=0.8,
    ),
    SurveyDesign(
        name="DEMO-VVDS",
        number=2,
        fields=(0, 1, 2),
        band="i",
        bright_mag=17.5,
        faint_mag=24.0,
        sampling=0.28,
        star_sampling=0.04,
        redshift_error=9e-4,
        position_error_arcsec=0.15,
        limit_mag=23.6,
        desert=(1.45, 2.2),
        max_redshift=5.0,
    ),
    SurveyDesign(
        name="DEMO-DESI",
        number=3,
        fields=(0, 2, 3),
        band="r",
        bright_mag=16.0,
        faint_mag=23.4,
        sampling=0.30,
        star_sampling=0.10,
        redshift_error=8e-5,
        position_error_arcsec=0.10,
        limit_mag=23.5,
        desert=(1.63, 9.0),
        max_redshift=1.7,
        repeated=0.04,
    ),
    SurveyDesign(
        name="DEMO-3DHST",
        number=4,
        fields=(0, 1),
        band="y",
        bright_mag=18.0,
        faint_mag=24.4,
        sampling=0.35,
        star_sampling=0.0,
        redshift_error=3e-3,
        position_error_arcsec=0.12,
        limit_mag=24.2,
        desert=(3.4, 9.0),
        max_redshift=3.5,
    ),
    SurveyDesign(
        name="DEMO-DEEP",
        number=5,
        fields=(1, 3, 4),
        band="i",
        bright_mag=20.5,
        faint_mag=25.2,
        sampling=0.22,
        star_sampling=0.01,
        redshift_error=3e-4,
        position_error_arcsec=0.20,
        limit_mag=24.7,
        desert=(1.6, 2.1),
        max_redshift=5.5,
    ),
)
"""Surveys from bright and wide to faint and narrow; all are simulated."""


def observed_spectra(sky: SimulatedSky, design: SurveyDesign, seed: int) -> SpectroscopicSample:
    """Observe the simulated sky with one survey.

    Parameters
    ----------
    sky
        The simulated sky.
    design
        The survey.
    seed
        Seed of the demo sky.
    """
    rng = np.random.default_rng([seed, 1000 + design.number])
    source, is_repeat = _targets(sky, design, rng)
    count = len(source)
    true_redshift = sky.redshift[source]
    score = design.limit_mag - sky.magnitudes[source, BANDS.index(design.band)]
    score = np.minimum(score, 3.0) + rng.normal(0.4, 0.7, count) + 0.08 * sky.family[source]
    start, end = design.desert
    score -= DESERT_PENALTY_MAG * ((true_redshift > start) & (true_redshift < end))
    confidence = np.searchsorted(CONFIDENCE_SCORES, score).astype(np.int64)
    # Wide lines and faint continua widen the error of what is hardly seen.
    error = design.redshift_error * (1.0 + true_redshift) * (1.0 + np.exp(-0.8 * score))
    error *= rng.uniform(0.8, 1.25, count)
    redshift = true_redshift + error * rng.standard_normal(count)
    wrong = rng.random(count) < WRONG_REDSHIFT_RATES[confidence]
    redshift = np.where(wrong, _mistaken_redshifts(redshift, design.max_redshift, rng), redshift)
    redshift = np.where(confidence == 0, np.nan, redshift)
    single = (confidence == 2) & (true_redshift > 0.8) & (rng.random(count) < 0.5)
    position_error_deg = design.position_error_arcsec / 3600.0
    east, north = rng.normal(0.0, position_error_deg, (2, count))
    dec_deg = np.clip(sky.dec_deg[source] + north, -90.0, 90.0)
    ra_deg = wrapped_ra(sky.ra_deg[source] + east / np.cos(np.radians(sky.dec_deg[source])))
    return SpectroscopicSample(
        design, source, ra_deg, dec_deg, redshift, error, confidence, score, single, is_repeat
    )


def _targets(
    sky: SimulatedSky, design: SurveyDesign, rng: np.random.Generator
) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    magnitude = sky.magnitudes[:, BANDS.index(design.band)]
    selected = (magnitude > design.bright_mag) & (magnitude < design.faint_mag)
    selected &= np.isin(sky.field, design.fields)
    chance = np.where(sky.is_star, design.star_sampling, design.sampling)
    targets = np.flatnonzero(selected & (rng.random(len(sky)) < chance))
    again = targets[rng.random(len(targets)) < design.repeated]
    source = np.concatenate([targets, again])
    is_repeat = np.arange(len(source)) >= len(targets)
    # Fibres and slits are listed in the order of the observations, not of the objects.
    order = rng.permutation(len(source))
    return source[order].astype(np.int64), is_repeat[order]


def _mistaken_redshifts(
    redshift: FloatArray, max_redshift: float, rng: np.random.Generator
) -> FloatArray:
    count = len(redshift)
    ratio = LINE_CONFUSIONS[rng.integers(0, len(LINE_CONFUSIONS), count)]
    confused = (1.0 + redshift) * ratio - 1.0
    other = np.maximum(rng.permutation(redshift), 0.005)
    return np.asarray(np.where((confused > 0.02) & (confused < max_redshift), confused, other))
