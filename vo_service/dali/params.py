"""Parameters of a request, whatever the case of their names (DALI 1.1, section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vo_service.dali.errors import InvalidParameter, MissingParameter

__all__ = ["Parameters"]


class Parameters:
    """A multi-map from names in any case to values.

    Parameters
    ----------
    sources
        Values by name: first the query string's, then the form's. Values of the same name are
        joined in this order.

    Notes
    -----
    DALI 1.1, section 3: names are case-insensitive, values are not. A request may carry
    parameters in its query string and in its form at the same time.
    """

    def __init__(self, *sources: Mapping[str, str | Iterable[str]]) -> None:
        joined: dict[str, tuple[str, ...]] = {}
        for source in sources:
            for name, values in source.items():
                key = name.upper()
                given = (values,) if isinstance(values, str) else tuple(values)
                joined[key] = joined.get(key, ()) + given
        self._values = joined

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.all(name))

    def __repr__(self) -> str:
        return f"Parameters({self._values!r})"

    @property
    def names(self) -> tuple[str, ...]:
        """Names in upper case, in the order in which they came, also of empty parameters."""
        return tuple(self._values)

    def all(self, name: str) -> tuple[str, ...]:
        """List the values of a parameter that are not blank, in the order in which they came.

        Notes
        -----
        Forms send empty fields; a parameter without a value counts as absent.
        """
        return tuple(value for value in self._values.get(name.upper(), ()) if value.strip())

    def single(self, name: str) -> str | None:
        """Give the value of a parameter that may have one, none where it is absent.

        Raises
        ------
        InvalidParameter
            If it was given with different values (DALI 1.1, section 3.1).
        """
        values = tuple(dict.fromkeys(self.all(name)))
        if len(values) > 1:
            raise InvalidParameter(
                name.upper(), " and ".join(values), "it was given more than once: give it once"
            )
        return values[0] if values else None

    def required(self, name: str, advice: str) -> str:
        """Give the value of a parameter that must be there.

        Parameters
        ----------
        name
            Name in any case.
        advice
            What the user is told where it is absent.

        Raises
        ------
        MissingParameter
            If it is absent or blank.
        InvalidParameter
            If it was given with different values.
        """
        value = self.single(name)
        if value is None:
            raise MissingParameter(name.upper(), advice)
        return value
