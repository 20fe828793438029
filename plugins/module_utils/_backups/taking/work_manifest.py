# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the module ``backup_manifest`` does."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import pathlib
import re
import secrets
import tempfile
import time
import typing as t

from ..._common import words
from ..._common.argument_spec import ArgumentSpec
from ..._common.errors import Refusal
from ..._common.frame import Context, Outcome
from ..._common.postgres.connect import CONNECTION_SPEC
from ..._common.postgres.driver import errors
from ..._ledger import keys
from ..capture import content, sampling
from ..capture.session import Connect, connector, only_row
from ..findings import Stopped, stop
from ..programs import Programs, account_of
from ..source import hashing, places
from ..source.place import BACKUPS, MANIFESTS, Place
from . import anchor, anchor_standby, cluster, manifest, service_file, staging, take_basebackup, take_dump
from . import take_pgbackrest as pgbackrest
from .anchor import Point
from .manifest import Manifest
from .take import Taken

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
APPLICATION = "backup_manifest"

STANDBY_OPTIONS: dict[str, t.Any] = {
    **{name: option for name, option in CONNECTION_SPEC.options.items() if name != "login_db"},
}

SPEC = CONNECTION_SPEC.merge(
    ArgumentSpec(
        options={
            "engine": {"type": "str", "required": True, "choices": list(manifest.ENGINES)},
            "source": places.SOURCE_OPTIONS,
            "key_file": {"type": "path", "required": True},
            "label": {"type": "str"},
            "take": {"type": "bool", "default": True},
            "databases": {"type": "list", "elements": "str"},
            "anchor": {"type": "str", "default": "auto", "choices": ["auto", "snapshot", "slot", "standby", "none"]},
            "anchor_timeout": {"type": "float", "default": 60.0},
            "standby": {"type": "dict", "options": STANDBY_OPTIONS},
            "jobs": {"type": "int", "default": 2},
            "strong": {"type": "bool", "default": False},
            "sample": {
                "type": "dict",
                "options": {
                    "percent": {"type": "float", "default": 1.0},
                    "coverage_days": {"type": "int", "default": 30},
                    "above_bytes": {"type": "int", "default": 10_737_418_240},
                },
            },
            "format": {"type": "str", "default": "tar", "choices": ["tar", "plain"]},
            "compress": {"type": "int"},
            "bytes_per_second": {"type": "int"},
            "pgbackrest": {
                "type": "dict",
                "options": {
                    "stanza": {"type": "str", "required": True},
                    "config": {"type": "path"},
                    "repo": {"type": "int", "default": 1},
                    "type": {"type": "str", "default": "full", "choices": ["full", "diff", "incr"]},
                },
            },
            "bin_dir": {"type": "path"},
            "run_as": {"type": "str"},
            "work_directory": {"type": "path"},
        },
        required_if=(("engine", "pgbackrest", ("pgbackrest",)), ("anchor", "standby", ("standby",)), ("take", False, ("label",))),
    )
)


@dataclasses.dataclass(frozen=True)
class Wish:
    """The options, looked at."""

    told: t.Mapping[str, t.Any]
    place: Place
    key: keys.SigningKey
    programs: Programs
    label: str
    began: float

    @property
    def engine(self) -> str:
        return str(self.told["engine"])

    @property
    def repository(self) -> pgbackrest.Repository:
        found = self.told["pgbackrest"]
        return pgbackrest.Repository(found["stanza"], found["config"], found["repo"])


def work(context: Context) -> Outcome:
    """Take a backup and write its manifest, or only write the manifest.

    :raises Refusal: an option is not as it must be, or something stands in the way; nothing is left under the label then.
    """
    try:
        return _work(context)
    except Stopped as stopped:
        found = stopped.finding
        raise Refusal(
            found.about, expected=found.expected, found=found.found, remedy="See to it, and run it again.", code=found.code
        ) from stopped


def _work(context: Context) -> Outcome:
    wish = _wish(context)
    if context.parameters["label"] and manifest.is_there(wish.place, wish.label, time.time() + hashing.DAY):
        kept = manifest.read(wish.place, wish.label, [wish.key.verifier], time.time() + hashing.DAY)
        return Outcome(False, _facts(kept, wish.key))
    connect = connector(context.parameters, APPLICATION)
    with contextlib.closing(connect(context.parameters["login_db"])) as connection:
        method = _method(wish, connection)
        databases = context.parameters["databases"] or _all(wish, connection)
        _precheck(wish, connection, databases)
        if context.check_mode:
            return Outcome(True, {"plan": _plan(wish, method, databases), "label": wish.label})
        about = cluster.described(connection)
        made = _make(context, wish, method, connect, about, databases)
        if made.anchor.lsn is not None:
            _push_log(connection, context)
    if not made.anchor.exact:
        context.warn(f"The manifest of {made.label} was captured at no exact point: a restore cannot be compared row by row with it.")
    return Outcome(True, _facts(made, wish.key), before="", after=f"{manifest.path(made.label)}\n")


def _wish(context: Context) -> Wish:
    told = context.parameters
    label = told["label"]
    if label is not None and not LABEL.fullmatch(label):
        raise _wrong("label", "letters, digits, dashes and underscores, at most 100", repr(label))
    for name in ("jobs", "anchor_timeout", "bytes_per_second"):
        if told[name] is not None and not told[name] > 0:
            raise _wrong(name, "more than 0", str(told[name]))
    sample = told["sample"]
    if sample and not (words.is_number(sample["percent"]) and 0 < sample["percent"] <= 100 and sample["coverage_days"] > 0):
        raise _wrong("sample", "a percent above 0, up to 100, and coverage_days above 0", f"{sample['percent']}, {sample['coverage_days']}")
    if told["engine"] == "pgbackrest" and told["take"] and label is not None:
        raise _wrong("label", "nothing, as pgBackRest names its backups itself", repr(label))
    began = time.time()
    made = label or datetime.datetime.fromtimestamp(began, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    place = places.make(told["source"])
    return Wish(
        told,
        place,
        _key(context, place),
        Programs(told["bin_dir"], account_of(told["run_as"]) if told["take"] or told["engine"] == "pgbackrest" else None),
        made,
        began,
    )


def _key(context: Context, place: Place) -> keys.SigningKey:
    """The key that signs. The first backup of a place makes it."""
    path = pathlib.Path(context.parameters["key_file"])
    if keys.is_there(path):
        return keys.read(path)
    if hashing.listed(place, MANIFESTS):
        raise Refusal(
            str(path),
            expected="the key that signed the manifests which are there",
            found="no such file",
            remedy="Name the file where it is. Only for a place without manifests a new one is made.",
            code="key_missing",
        )
    name = f"backups-{secrets.token_hex(4)}"
    if context.check_mode:
        return keys.new(name)
    made = keys.ensured(path, name)
    context.warn(
        f"{path} was not there: a new key signs. Keep it, and let restore_validate believe its verifier key, {made.verifier.text()}"
    )
    return made


def _all(wish: Wish, connection: Connection) -> list[str]:
    """A physical backup is the whole cluster; a dump is a database's."""
    return [connection.info.dbname] if wish.engine == "pg_dump" else cluster.databases(connection)


def _method(wish: Wish, connection: Connection) -> str:
    """How the content is anchored; ``auto`` takes the best there is."""
    asked = wish.told["anchor"]
    if wish.engine == "pg_dump":
        if asked not in ("auto", "snapshot", "none"):
            raise _wrong("anchor", "auto or snapshot, for a dump", asked)
        return "snapshot" if wish.told["take"] and asked != "none" else "none"
    if asked == "snapshot":
        raise _wrong("anchor", "auto, slot or standby, as a physical backup knows no snapshot", asked)
    if asked != "auto":
        return str(asked)
    if wish.told["standby"]:
        return "standby"
    return "slot" if only_row(connection, "SHOW wal_level")[0] == "logical" else "none"


def _precheck(wish: Wish, connection: Connection, databases: t.Sequence[str]) -> None:
    """Nothing, when the backup can be taken, as far as can be told without doing it."""
    known = set(cluster.databases(connection))
    unknown = [name for name in databases if name not in known]
    if unknown or not databases:
        raise _wrong("databases", f"some of {', '.join(sorted(known))}", ", ".join(unknown) or "none")
    taken = hashing.listed(wish.place, _prefix(wish))
    if not wish.told["take"]:
        if not taken:
            raise stop("NOT_FOUND", f"backup {wish.label}", expected="to be in the place", found="nothing below its name")
        return
    if taken and wish.engine != "pgbackrest":
        raise stop(
            "OBJECT_REPLACED",
            f"{BACKUPS}{wish.label}",
            expected="nothing there yet",
            found="a backup without a manifest; take: false writes one, as long as it is to be trusted",
        )
    major = connection.info.server_version // 10_000
    for name in {"pg_dump": ("pg_dump", "pg_dumpall"), "basebackup": ("pg_basebackup",), "pgbackrest": ()}[wish.engine]:
        wish.programs.require_major(name, major)
    if wish.engine == "pgbackrest":
        pgbackrest.listed(wish.programs, wish.repository)
    if wish.engine == "basebackup" and wish.told["format"] == "plain":
        (elsewhere,) = only_row(connection, "SELECT count(*) FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')")
        if elsewhere:
            raise _wrong("format", "tar, as the cluster has tablespaces", "plain, which would write into their own directories")


def _plan(wish: Wish, method: str, databases: t.Sequence[str]) -> list[str]:
    where = wish.place.describe()["name"]
    taking = (
        f"take a backup of {len(databases)} databases by {wish.engine}" if wish.told["take"] else f"read the files of backup {wish.label}"
    )
    return [
        f"{taking}, {'in' if wish.told['take'] else 'from'} {where}",
        f"capture {', '.join(databases)} at an anchor by {method}",
        "sign the manifest and put it beside the backup",
    ]


def _make(
    context: Context, wish: Wish, method: str, connect: Connect, about: t.Mapping[str, t.Any], databases: t.Sequence[str]
) -> Manifest:
    """Take, capture, publish, sign: in this order, so that a backup gets its name only when its manifest can follow at once.

    The anchor is let go before the files are read: a standby should not stand still for that.
    """
    low = content.sequences(connect, databases)
    with contextlib.ExitStack() as held:
        folder: pathlib.Path | None = None
        captured: dict[str, t.Any] | None = None
        if not wish.told["take"]:
            taken = _found(wish)
        elif wish.engine == "pgbackrest":
            kind = wish.told["pgbackrest"]["type"]
            taken = pgbackrest.take(wish.programs, wish.repository, kind=kind, jobs=wish.told["jobs"])
            wish = dataclasses.replace(wish, label=taken.label)
        else:
            folder = held.enter_context(_stage(wish))
            environment = held.enter_context(service_file.environment(context.parameters, wish.programs.account, APPLICATION))
            if wish.engine == "pg_dump":
                with anchor.snapshot(connect, databases, exact=method == "snapshot") as point:
                    taken = _dumped(wish, environment, folder, point)
                    captured = _captured(wish, point, databases, low)
            else:
                taken = _copied(wish, environment, folder)
        if captured is None:
            with _point(context, wish, method, connect, about, databases, taken) as point:
                captured = _captured(wish, point, databases, low)
        files = _published(wish, folder) if folder else hashing.of_place(wish.place, hashing.listed(wish.place, _prefix(wish)).values())
    return manifest.put(wish.place, _predicate(wish, point, taken, about, files, captured), wish.key)


def _dumped(wish: Wish, environment: t.Mapping[str, str], folder: pathlib.Path, point: Point) -> Taken:
    jobs, compress = wish.told["jobs"], wish.told["compress"]
    return take_dump.take(wish.programs, environment, folder, wish.label, point.snapshots or {}, jobs=jobs, compress=compress)


def _copied(wish: Wish, environment: t.Mapping[str, str], folder: pathlib.Path) -> Taken:
    return take_basebackup.take(
        wish.programs,
        environment,
        folder,
        wish.label,
        plain=wish.told["format"] == "plain",
        compress=wish.told["compress"],
        max_rate=wish.told["bytes_per_second"],
    )


@contextlib.contextmanager
def _point(
    context: Context, wish: Wish, method: str, connect: Connect, about: t.Mapping[str, t.Any], databases: t.Sequence[str], taken: Taken
) -> t.Iterator[Point]:
    """The anchor of a physical backup, behind its end."""
    seconds = wish.told["anchor_timeout"]
    if method == "slot":
        with anchor.slot(context.parameters, connect, databases, timeout=seconds) as point:
            yield point
    elif method == "standby":
        own = connector({**wish.told["standby"], "login_db": databases[0]}, APPLICATION)
        identifier = about["system_identifier"]
        with anchor_standby.standby(own, databases[0], system_identifier=identifier, reached=taken.stop_lsn, timeout=seconds) as point:
            yield point
    else:
        with anchor.snapshot(connect, databases, exact=False) as point:
            yield point


def _captured(wish: Wish, point: Point, databases: t.Sequence[str], low: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """The manifest's databases. Sequences from before the anchor until after it: they know no snapshot.

    :raises Stopped: UNREADABLE_TABLE, as a manifest of what cannot be read would say nothing.
    """
    today = datetime.datetime.fromtimestamp(wish.began, datetime.UTC).date()
    before = _previous(wish)
    sample = wish.told["sample"]
    chosen = None
    if sample:
        chosen = sampling.rotating(
            "logical" if wish.engine == "pg_dump" else "physical",
            percent=sample["percent"],
            label=wish.label,
            today=today,
            days=sample["coverage_days"],
            last_full=before,
            small=sample["above_bytes"],
        )
    found = content.capture(
        point.connect, databases, snapshots=point.snapshots, jobs=wish.told["jobs"], sample=chosen, strong=wish.told["strong"]
    )
    for database, one in found.items():
        for name, entry in {**one["tables"], **one["materialized_views"]}.items():
            if "error" in entry:
                raise stop("UNREADABLE_TABLE", f"{database}: {name}", expected="to be readable at the source", found=entry["error"])
            last = today if "sample" not in entry else before.get(database, {}).get(name)
            entry["full"] = last.isoformat() if last else None
        for name, entry in one["sequences"].items():
            entry["until"] = entry["value"]
            entry["value"] = low[database].get(name, entry)["value"]
    return found


def _previous(wish: Wish) -> dict[str, dict[str, datetime.date]]:
    """When each table was last captured fully, from the newest manifest that our key signed; nothing without one."""
    kept = sorted(hashing.listed(wish.place, MANIFESTS).values(), key=lambda item: item.written, reverse=True)
    for item in kept[:1]:
        label = item.path.removeprefix(MANIFESTS).removesuffix(".json")
        with contextlib.suppress(Stopped):
            return sampling.last_full(manifest.read(wish.place, label, [wish.key.verifier], time.time() + hashing.DAY).databases)
    return {}


def _found(wish: Wish) -> Taken:
    """What is known of a backup that somebody else took."""
    if wish.engine == "pgbackrest":
        return pgbackrest.find(wish.programs, wish.repository, wish.label)
    items = hashing.listed(wish.place, _prefix(wish))
    first, last = (choose(item.written for item in items.values()) for choose in (min, max))
    own = items.get(f"{_prefix(wish)}{take_basebackup.MANIFEST}")
    start = stop_ = None
    if own is not None:
        start, stop_ = take_basebackup.wal_range(hashing.content(wish.place, own))
    return Taken(wish.label, words.iso(first), words.iso(last), start, stop_)


def _stage(wish: Wish) -> contextlib.AbstractContextManager[pathlib.Path]:
    """In a directory place beside its later name; for others in a folder of this host."""
    directory = wish.told["source"].get("directory")
    if directory:
        folder = pathlib.Path(directory) / BACKUPS
    else:
        folder = pathlib.Path(wish.told["work_directory"] or tempfile.gettempdir()) / "governed-delivery-backups"
    return staging.staged(folder, wish.label, wish.programs.account)


def _published(wish: Wish, folder: pathlib.Path) -> dict[str, dict[str, t.Any]]:
    """Give the staged backup its name, and say what it consists of."""
    found = hashing.of_folder(folder)
    if wish.told["source"].get("directory"):
        staging.name_it(folder, wish.label)
        return {f"{_prefix(wish)}{path}": {**about, "version": None} for path, about in found.items()}
    staging.upload(folder, wish.label, wish.place)
    items = hashing.listed(wish.place, _prefix(wish))
    return {f"{_prefix(wish)}{path}": {**about, "version": items[_prefix(wish) + path].version} for path, about in found.items()}


def _predicate(
    wish: Wish,
    point: Point,
    taken: Taken,
    about: t.Mapping[str, t.Any],
    files: t.Mapping[str, t.Mapping[str, t.Any]],
    captured: t.Mapping[str, t.Any],
) -> dict[str, t.Any]:
    return {
        "at": anchor.now(),
        "engine": wish.engine,
        "label": taken.label,
        "cluster": dict(about),
        "backup": {
            "started": taken.started,
            "stopped": taken.stopped,
            "start_lsn": taken.start_lsn,
            "stop_lsn": taken.stop_lsn,
            "bytes": sum(one["size"] for one in files.values()),
            "files": dict(files),
        },
        "anchor": point.as_dict(),
        "checksum": "sha256" if wish.told["strong"] else "hashtextextended",
        "databases": dict(captured),
    }


def _prefix(wish: Wish) -> str:
    return wish.repository.folder(wish.label) if wish.engine == "pgbackrest" else f"{BACKUPS}{wish.label}/"


def _push_log(connection: Connection, context: Context) -> None:
    """Let the log up to the anchor go into the archive now, not when its segment is full: a restore has to reach the anchor."""
    try:
        connection.execute("SELECT pg_switch_wal()")
    except errors.InsufficientPrivilege:
        context.warn(
            "The role may not switch the log: a restore reaches the anchor only when its segment is full, or archive_timeout has passed."
        )


def _facts(made: Manifest, key: keys.SigningKey) -> dict[str, t.Any]:
    tables = [entry for database in made.databases.values() for entry in database["tables"].values()]
    return {
        "label": made.label,
        "manifest": {"path": manifest.path(made.label), "sha256": made.sha256, "signer": made.signer},
        "verifier_key": key.verifier.text(),
        "anchor": made.predicate["anchor"],
        "backup": {
            **{name: made.predicate["backup"][name] for name in ("started", "stopped", "start_lsn", "stop_lsn", "bytes")},
            "files": len(made.files),
        },
        "tables": len(tables),
        "rows": sum(entry["rows"] for entry in tables),
        "sampled": sum(1 for entry in tables if "sample" in entry),
    }


def _wrong(option: str, expected: str, found: str) -> Refusal:
    return Refusal(option, expected=expected, found=found, remedy="Correct the option.", code="wrong_option")
