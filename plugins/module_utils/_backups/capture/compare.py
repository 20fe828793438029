# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Does the restored copy hold what the manifest says? Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ..findings import Finding

# One of a manifest's ``databases``, or what ``content.capture`` found in a copy.
Database: t.TypeAlias = "t.Mapping[str, t.Any]"
Kind: t.TypeAlias = "t.Literal['logical', 'physical']"

NAMED = 10  # how many names one finding lists
MOST = 20  # findings of one code; all tables stand in ``mismatches``
WAL_AHEAD = 32  # PostgreSQL logs a sequence so many values ahead (SEQ_LOG_VALS)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """``compared`` tables had rows and lanes on both sides, ``sampled`` of them by a sample; ``matched`` were equal, ``mismatches`` were not.

    ``rows`` were counted in the compared tables.
    """

    findings: tuple[Finding, ...]
    compared: int
    matched: int
    sampled: int
    mismatches: tuple[str, ...]
    rows: int


def compare(expected: Database, found: Database, *, kind: Kind, exact: bool, database: str = "") -> Comparison:
    """Both databases, object by object.

    :param kind: a physical copy is the same files; a logical one was made anew from a dump, with indexes and materialized views of its own.
    :param exact: whether the copy stands at the very point at which the manifest was captured; otherwise rows say nothing.
    :param database: its name, for messages.
    """
    prefix = f"{database}: " if database else ""
    findings = [*_empty(expected, found, prefix), *_schema(expected, found, prefix), *_collation(expected, found, kind, prefix)]
    if not exact:
        about = f"{prefix}rows and checksums"
        findings.append(
            Finding("NOT_COMPARED", about, "a manifest captured at an exact point", "no such point: only the schema could be compared")
        )
        return Comparison(tuple(findings), 0, 0, 0, (), 0)
    names, compared, matched, sampled, rows = [], 0, 0, 0, 0
    differing: list[Finding] = []
    for name, wanted in sorted(_with_rows(expected, kind).items()):
        if name not in _with_rows(found, kind):
            names.append(name)
            continue
        there = _with_rows(found, kind)[name]
        difference = _difference(wanted, there, prefix + name)
        if "error" not in there and "error" not in wanted and (difference is None or difference.code != "NOT_COMPARED"):
            compared += 1
            rows += there["rows"]
            sampled += "sample" in wanted
        if difference is None:
            matched += 1
        else:
            names.append(name)
            differing.append(difference)
    differing += [*_large_objects(expected, found, prefix), *_sequences(expected, found, kind, prefix)]
    return Comparison((*findings, *_few(differing)), compared, matched, sampled, tuple(names), rows)


def nothing_in(databases: t.Mapping[str, Database]) -> Finding | None:
    """What to say of a backup without a single table."""
    if any(one.get("tables") for one in databases.values()):
        return None
    return Finding("EMPTY_BACKUP", "the backup", "at least one table", f"none in {', '.join(sorted(databases)) or 'no database'}")


def _with_rows(one: Database, kind: Kind) -> dict[str, t.Any]:
    """Tables; and materialized views, where they were not computed anew."""
    return {**one["tables"], **(one.get("materialized_views", {}) if kind == "physical" else {})}


def _empty(expected: Database, found: Database, prefix: str) -> t.Iterator[Finding]:
    if expected["tables"] and not found["tables"]:
        yield Finding("EMPTY_BACKUP", f"{prefix}tables", f"{len(expected['tables'])}", "none")


def _schema(expected: Database, found: Database, prefix: str) -> t.Iterator[Finding]:
    gone = sorted(set(expected["tables"]) - set(found["tables"]))
    if gone and found["tables"]:
        reasons = found.get("excluded", {})
        listed = _listed([f"{name} ({reasons[name]})" if name in reasons else name for name in gone])
        yield Finding("SCHEMA_MISMATCH", f"{prefix}missing tables", "all tables of the manifest", listed)
    more = sorted(set(found["tables"]) - set(expected["tables"]))
    if more:
        yield Finding("SCHEMA_MISMATCH", f"{prefix}extra tables", "no other tables than the manifest's", _listed(more))
    named = set(gone) | set(more)
    for kind in sorted({_kind(key) for key in (*expected["schema"], *found["schema"])}):
        yield from _objects(kind, expected["schema"], found["schema"], named, prefix)
    for setting in ("encoding", "collate", "ctype", "locale_provider"):
        if setting in expected and expected[setting] != found.get(setting):
            yield Finding("SCHEMA_MISMATCH", f"{prefix}{setting}", str(expected[setting]), str(found.get(setting)))
    for name in sorted({*expected["extensions"], *found["extensions"]}):
        wanted, there = expected["extensions"].get(name), found["extensions"].get(name)
        if wanted != there:
            yield Finding("SCHEMA_MISMATCH", f"{prefix}extension {name}", wanted or "not installed", there or "not installed")


def _objects(
    kind: str, expected: t.Mapping[str, str], found: t.Mapping[str, str], tables: t.Collection[str], prefix: str
) -> t.Iterator[Finding]:
    """Objects of one kind that are missing, extra or other; but for tables that were named as a whole."""

    def told(names: t.Iterable[str]) -> list[str]:
        own = sorted(name[len(kind) + 1 :] for name in names if _kind(name) == kind)
        return [name for name in own if not any(name == table or name.startswith(f"{table}.") for table in tables)]

    missing, extra = told(expected.keys() - found.keys()), told(found.keys() - expected.keys())
    other = told(name for name in expected.keys() & found.keys() if expected[name] != found[name])
    plural = f"{kind}es" if kind == "index" else kind if kind.endswith("s") else f"{kind[:-1]}ies" if kind == "policy" else f"{kind}s"
    for what, names, wanted in (
        ("missing", missing, "all of the manifest"),
        ("extra", extra, "no other"),
        ("different", other, "as in the manifest"),
    ):
        if names:
            yield Finding("SCHEMA_MISMATCH", f"{prefix}{what} {plural}", wanted, _listed(names))


def _kind(key: str) -> str:
    """``index`` of ``index app.docs_pkey``; two kinds have two words."""
    return next((kind for kind in ("domain constraint", "event trigger") if key.startswith(f"{kind} ")), key.partition(" ")[0])


def _collation(expected: Database, found: Database, kind: Kind, prefix: str) -> t.Iterator[Finding]:
    """Sort orders of another library version make a physical copy's indexes untrustworthy; a logical copy has built its own."""
    if kind == "logical":
        return
    pairs = {"the database": (expected.get("collation_version"), found.get("collation_version"))}
    there = found.get("collations", {})
    pairs |= {name: (version, there.get(name)) for name, version in expected.get("collations", {}).items() if name in there}
    for name, (wanted, has) in sorted(pairs.items()):
        if wanted != has:
            yield Finding(
                "COLLATION_MISMATCH",
                f"{prefix}collation of {name}",
                f"version {wanted}",
                f"version {has}: indexes on text may be wrong here",
            )


def _difference(expected: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any], about: str) -> Finding | None:
    if "error" in expected:
        return Finding("NOT_COMPARED", about, "a table that could be read at the source", expected["error"])
    if "error" in found:
        return Finding("UNREADABLE_TABLE", about, f"{expected['rows']:,} rows", found["error"])
    if expected["rows"] != found["rows"]:
        return Finding("COUNT_MISMATCH", about, f"{expected['rows']:,} rows", f"{found['rows']:,} rows")
    if _sample(expected) != _sample(found):
        return Finding("NOT_COMPARED", about, f"the sample {_sample(expected)}", f"the sample {_sample(found)}")
    if expected["columns"] != found["columns"]:
        return Finding("CHECKSUM_MISMATCH", about, "the manifest's columns", "other columns, so other rows")
    if list(expected["lanes"]) != list(found["lanes"]):
        return Finding(
            "CHECKSUM_MISMATCH",
            about,
            f"checksum {'/'.join(expected['lanes'])}",
            f"{'/'.join(found['lanes'])}: as many rows ({found['rows']:,}), but not the same",
        )
    return None


def _sample(entry: t.Mapping[str, t.Any]) -> tuple[t.Any, ...] | None:
    sample = entry.get("sample")
    return None if sample is None else (sample["method"], sample["percent"], sample["seed"])


def _large_objects(expected: Database, found: Database, prefix: str) -> t.Iterator[Finding]:
    wanted, there = expected["large_objects"], found["large_objects"]
    if wanted["count"] != there["count"]:
        yield Finding("COUNT_MISMATCH", f"{prefix}large objects", f"{wanted['count']:,}", f"{there['count']:,}")
    elif wanted["lanes"] is None or there["lanes"] is None:
        yield Finding("NOT_COMPARED", f"{prefix}large objects", "a role that may read pg_largeobject on both sides", "one that may not")
    elif list(wanted["lanes"]) != list(there["lanes"]):
        yield Finding(
            "CHECKSUM_MISMATCH",
            f"{prefix}large objects",
            "/".join(wanted["lanes"]),
            f"{'/'.join(there['lanes'])}: as many, but not the same",
        )


def _sequences(expected: Database, found: Database, kind: Kind, prefix: str) -> t.Iterator[Finding]:
    """Sequences are never behind. A physical copy may be ahead by what PostgreSQL logs and sessions cache ahead; ``until`` is where the source stood
    behind the anchor. Whether one exists at all is the schema's."""
    for name, wanted in sorted(expected["sequences"].items()):
        there = found["sequences"].get(name)
        if there is None or wanted["cycle"]:
            continue
        step = int(wanted["increment"])
        low, value, until = (_position(one, step) for one in (wanted["value"], there["value"], wanted.get("until", wanted["value"])))
        if low is not None and (value is None or value < low):
            yield Finding(
                "COUNT_MISMATCH",
                f"{prefix}sequence {name}",
                f"{wanted['value']} or later",
                f"{there['value'] or 'never used'}, which is behind",
            )
        elif kind == "physical" and value is not None and wanted.get("until", wanted["value"]) is not None:
            furthest = (until or 0) + (WAL_AHEAD + int(wanted["cache"])) * abs(step)
            if value > furthest:
                yield Finding(
                    "COUNT_MISMATCH", f"{prefix}sequence {name}", f"at most {furthest} in its direction", f"{there['value']}, too far ahead"
                )


def _position(value: str | None, step: int) -> int | None:
    """How far along, in the sequence's own direction."""
    return None if value is None else int(value) * (1 if step > 0 else -1)


def _few(found: t.Sequence[Finding]) -> list[Finding]:
    """Not more than some of each code, the rest as a number."""
    kept: list[Finding] = []
    for code in dict.fromkeys(one.code for one in found):
        same = [one for one in found if one.code == code]
        kept += same[:MOST]
        if len(same) > MOST:
            kept.append(Finding(code, "more of these", "none", f"{len(same) - MOST} more"))
    return kept


def _listed(names: t.Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
