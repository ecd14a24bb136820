"""Which set an object is in: decided by the seed and the object, never by where it was found."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipelines.training_set_maker.matching import Doubles, Places
from pipelines.training_set_maker.parameters import SplitMethod, TrainingSetParameters
from registry.healpix import HEALPIX_ORDER

__all__ = ["SETS", "folds_of", "hashed", "sets_of"]

SETS = ("train", "validation", "test")
"""Names of the sets, by number."""

_BITS = 53
"""Of a hash that are used: as many as a double has."""

Numbers = npt.NDArray[np.int8]


def hashed(seed: int, purpose: str, keys: Sequence[object]) -> Doubles:
    """Give each key a number from 0 to 1 that depends on seed, purpose and key alone.

    Parameters
    ----------
    seed
        Of the run.
    purpose
        Another one gives independent numbers.
    keys
        Identifiers; a number and its decimal text are the same.

    Notes
    -----
    The first 53 bits of BLAKE2b of ``purpose:seed:key`` in UTF-8, over 2^53.
    """
    start = f"{purpose}:{seed}:"
    found = {
        key: int.from_bytes(hashlib.blake2b(f"{start}{key}".encode(), digest_size=8).digest())
        >> (64 - _BITS)
        for key in set(keys)
    }
    numbers: Doubles = np.array([found[key] for key in keys], dtype=np.float64) / 2**_BITS
    return numbers


def sets_of(
    parameters: TrainingSetParameters, keys: Sequence[object], z: Doubles, index: Places
) -> Numbers:
    """Put the rows of a training set into sets; rows of one object are together.

    Parameters
    ----------
    parameters
        Of the run.
    keys
        Identifiers of the objects.
    z
        Redshifts, NaN where there is none.
    index
        Nested HEALPix index of order 29 of the objects.

    Returns
    -------
    numpy.ndarray
        Number in `SETS` for each row.
    """
    if parameters.split_method is SplitMethod.BLOCKED:
        place = hashed(parameters.seed, "split", _cells(parameters, index))
    else:
        place = hashed(parameters.seed, "split", keys)
    if parameters.split_method is SplitMethod.STRATIFIED:
        place = _evened(place, keys, z, parameters.split_strata)
    train, validation = parameters.train_fraction, parameters.validation_fraction
    return np.where(place < train, 0, np.where(place < train + validation, 1, 2)).astype(np.int8)


def folds_of(parameters: TrainingSetParameters, keys: Sequence[object], index: Places) -> Places:
    """Put the rows of a training set into folds; rows of one object are together.

    Parameters
    ----------
    parameters, keys, index
        As for `sets_of`.

    Returns
    -------
    numpy.ndarray
        From 0.
    """
    blocked = parameters.split_method is SplitMethod.BLOCKED
    units = _cells(parameters, index) if blocked else keys
    return (hashed(parameters.seed, "fold", units) * parameters.n_folds).astype(np.int64)


def _cells(parameters: TrainingSetParameters, index: Places) -> list[int]:
    cells: list[int] = (index >> 2 * (HEALPIX_ORDER - parameters.split_block_order)).tolist()
    return cells


def _evened(place: Doubles, keys: Sequence[object], z: Doubles, strata: int) -> Doubles:
    """Replace hashes by their ranks within bins of redshift, so that each bin is split alike."""
    lowest: dict[object, float] = {}
    hashes = dict(zip(keys, place.tolist(), strict=True))
    for key, value in zip(keys, z.tolist(), strict=True):
        kept = lowest.get(key, math.inf)
        lowest[key] = min(kept, value) if math.isfinite(value) else kept
    # By redshift, then by hash: the order of the rows has no part in it.
    ordered = sorted(lowest, key=lambda key: (lowest[key], hashes[key]))
    known = [key for key in ordered if math.isfinite(lowest[key])]
    bins = [known[len(known) * n // strata : len(known) * (n + 1) // strata] for n in range(strata)]
    bins.append([key for key in ordered if not math.isfinite(lowest[key])])
    ranks: dict[object, float] = {}
    for members in bins:
        for rank, key in enumerate(sorted(members, key=lambda key: hashes[key])):
            # The offset of the middle keeps fractions of small bins right on average.
            ranks[key] = (rank + 0.5) / len(members)
    return np.array([ranks[key] for key in keys])
