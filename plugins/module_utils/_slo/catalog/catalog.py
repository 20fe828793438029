# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A catalogue of service levels: reading one, however it is written, and refusing what cannot be kept."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._common import shape
from ..._common.errors import Refusal, Refusals
from . import full_form, open_slo, short_form, yaml_text
from .slo import Latency, Ratio, Slo

__all__ = ["Catalog", "Latency", "Ratio", "Slo", "read"]


@dataclasses.dataclass(frozen=True)
class Catalog:
    """All service levels, in the order of their ids."""

    slos: tuple[Slo, ...]

    def slo(self, slo_id: str) -> Slo | None:
        """The one of this id."""
        return next((slo for slo in self.slos if slo.id == slo_id), None)


def read(text: str, place: str = "catalog") -> Catalog:
    """The catalogue that a text is: YAML documents, each in the short form, the full form, or OpenSLO's (``openslo/v1``).

    The short form is ``services: {gateway: {latency_p95_ms: 1500, availability: 99.9}}``, the full one ``service: gateway`` with ``slos``.
    ``place`` names the text in refusals. Needs PyYAML and promql-parser.

    :raises Refusal: it is no YAML.
    :raises Refusals: whatever else is wrong, each naming the service level that it is about.
    """
    documents = yaml_text.documents(text, place)
    ours = [document for document in documents if not open_slo.is_one(document)]
    theirs = [document for document in documents if open_slo.is_one(document)]
    slos: list[Slo] = []
    refusals: list[Refusal] = []
    for entries in (*(_document(document) for document in ours), open_slo.entries(theirs)):
        try:
            for entry in entries:
                try:
                    slos.append(entry())
                except Refusal as refusal:
                    refusals.append(_of_catalog(refusal, place))
        except Refusal as refusal:  # of the document, before its service levels could be told apart
            refusals.append(_of_catalog(refusal, place))
    refusals += [_of_catalog(refusal, place) for refusal in _twice(slos)]
    if not slos and not refusals:
        refusals.append(_of_catalog(shape.wrong("slos", "at least one service level", "none", "Add one."), place))
    if refusals:
        raise Refusals(refusals)
    return Catalog(tuple(sorted(slos, key=lambda slo: slo.id)))


def _document(found: object) -> t.Iterator[t.Callable[[], Slo]]:
    if isinstance(found, t.Mapping) and "services" in found:
        yield from short_form.entries(found)
    else:
        yield from full_form.entries(found)


def _twice(slos: t.Sequence[Slo]) -> t.Iterator[Refusal]:
    """Two service levels of one id, or of one query: the second would page for what the first already does."""
    by_id: dict[str, Slo] = {}
    by_query: dict[tuple[object, ...], Slo] = {}
    for slo in slos:
        query = (slo.sli, slo.group_by)
        if slo.id in by_id:
            yield Refusal(
                f"slo {slo.id}", expected="every id once", found="a second one of this id", remedy="Rename one.", code="slo_duplicate_id"
            )
        elif query in by_query:
            yield Refusal(
                f"slo {slo.id}",
                expected="a query of its own",
                found=f"the query of {by_query[query].id}",
                remedy="Remove one of the two: both would alert on the same events.",
                code="slo_same_query",
            )
        by_id.setdefault(slo.id, slo)
        by_query.setdefault(query, slo)


def _of_catalog(refusal: Refusal, place: str) -> Refusal:
    code = "slo_shape" if refusal.code == "plan_shape" else refusal.code
    return Refusal(
        f"{place}: {refusal.thing}",
        expected=refusal.expected,
        found=refusal.found,
        remedy=refusal.remedy,
        code=code,
        details=refusal.details,
    )
