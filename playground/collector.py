# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real OpenTelemetry Collector with tail sampling on 127.0.0.1, in several versions. Build one first: ``make components ONLY=otelcol-0.161``."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import subprocess
import typing as t
from pathlib import Path

from . import children, cluster
from .children import Started
from .components import component, names
from .errors import Refusal

SECONDS_TO_STOP = 30
PREFIX = "otelcol-"
READY = "Everything is ready"
Configuration: t.TypeAlias = "t.Mapping[str, t.Any] | Path"


@dataclasses.dataclass(frozen=True)
class Collector:
    """A running collector. Its folder has ``config.yaml`` (unless the caller has it elsewhere), ``playground.yaml`` and ``log``."""

    url: str  # OTLP over HTTP; what it takes goes to the receiver ``otlp``
    metrics: str  # the page with its own metrics
    folder: Path
    pid: int


def versions() -> list[str]:
    """Those that have a recipe, oldest first: ``0.144`` …"""
    return sorted((name.removeprefix(PREFIX) for name in names() if name.startswith(PREFIX)), key=lambda text: [*map(int, text.split("."))])


def newest() -> str:
    """The newest version that has a recipe."""
    return versions()[-1]


def program(version: str | None = None) -> Path:
    """Where ``otelcol`` of a version, of the newest when none is named, is.

    :raises Refusal: it is not built, or has no recipe.
    """
    return component(f"{PREFIX}{version or newest()}").program()


def validate(folder: Path, config: Configuration, version: str | None = None) -> str | None:
    """What ``otelcol validate`` has against a configuration, or None."""
    done = subprocess.run(
        [str(program(version)), "validate", f"--config={_written(folder, config)}"], capture_output=True, text=True, check=False
    )
    return None if done.returncode == 0 else (done.stderr + done.stdout).strip()


@contextlib.contextmanager
def serving(folder: Path, config: Configuration, *, version: str | None = None, gates: t.Sequence[str] = ()) -> t.Iterator[Collector]:
    """Start a collector with this configuration; at the end let it finish what it has, so that its files are whole.

    :param config: content of a configuration, or a file with it, which SIGHUP to the collector makes it read anew. Whatever it says of them, the
        receiver ``otlp`` listens for HTTP where ``url`` says, and the collector's own metrics are where ``metrics`` says.
    :param gates: feature gates, as ``+processor.tailsamplingprocessor.recordpolicy``.
    :raises Refusal: it is not built, or does not start; the message holds its own last words.
    """
    command = [str(program(version)), *([f"--feature-gates={','.join(gates)}"] if gates else [])]
    path = _written(folder, config)
    with children.serving(lambda: _launch(command, folder, path)) as started:
        try:
            yield started.server
        finally:
            _finish(started)


def send(url: str, lines: t.Iterable[str]) -> None:
    """Send requests in OTLP/JSON, one a line, one after the other.

    :raises Refusal: the collector does not take one.
    """
    address = url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=SECONDS_TO_STOP)
    with contextlib.closing(connection):
        for line in lines:
            connection.request("POST", "/v1/traces", body=line.encode(), headers={"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = answer.read().decode(errors="replace")
            if answer.status != http.HTTPStatus.OK:
                raise Refusal(f"{url}/v1/traces", expected="200", found=f"{answer.status}: {said}", remedy="Look at the collector's log.")


def _written(folder: Path, config: Configuration) -> Path:
    if isinstance(config, Path):
        return config
    return _write(folder / "config.yaml", config)


def _write(path: Path, content: t.Mapping[str, t.Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")  # which is YAML
    return path


def _launch(command: t.Sequence[str], folder: Path, config: Path) -> Started[Collector]:
    traffic, metrics = cluster.free_port(None), cluster.free_port(None)
    reader = {"pull": {"exporter": {"prometheus": {"host": cluster.HOST, "port": metrics}}}}
    # The later configuration is laid over the earlier one.
    ours = _write(
        folder / "playground.yaml",
        {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"{cluster.HOST}:{traffic}"}}}},
            "service": {"telemetry": {"metrics": {"level": "detailed", "readers": [reader]}}},
        },
    )
    url, log = f"http://{cluster.HOST}:{traffic}", folder / "log"
    child = children.launched([*command, f"--config={config}", f"--config={ours}"], log, cwd=folder)
    running = Collector(url, f"http://{cluster.HOST}:{metrics}/metrics", folder, child.pid)
    return Started("otelcol", url, running, child, log, lambda: children.has_said(log, READY))


def _finish(started: Started[Collector]) -> None:
    """Ask it to stop, and wait.

    :raises Refusal: it does not.
    """
    started.child.terminate()
    try:
        started.child.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        found = children.last_words(started.log)
        raise Refusal("otelcol", expected=f"to stop within {SECONDS_TO_STOP} s", found=found, remedy=f"Look at {started.log}.") from None
