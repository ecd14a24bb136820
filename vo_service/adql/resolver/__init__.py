"""From the syntax tree to the typed tree: names, scopes, types, units and UCDs.

Layers, each using those before it: `spelling`, `sources` (what a FROM offers), `environment`
(what a resolution shares), `scopes` (which column a name means), `casts` and `expressions`
(values), `predicates` (truths), `merging` and `relations` (FROM), `outputs`, `ordering`,
`grouping` and `sets` (clauses), `queries` (the whole).
"""

from __future__ import annotations

from vo_service.adql.resolver.queries import resolve

__all__ = ["resolve"]
