# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Prometheus on 127.0.0.1: the one that is installed (Debian's package ``prometheus``), or else ours: ``make components ONLY=prometheus``."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import subprocess
import typing as t
from pathlib import Path

from . import children, cluster, loopback
from .children import Started
from .components import component
from .errors import Refusal

SAMPLE = tuple[str, float, float]  # a series as OpenMetrics spells it, epoch seconds, value


@dataclasses.dataclass(frozen=True)
class Prometheus:
    """A running server. Its folder has ``data`` and ``log``."""

    url: str
    folder: Path
    pid: int


def program(name: str = "prometheus") -> Path:
    """Where ``prometheus`` or ``promtool`` is.

    :raises Refusal: neither installed nor built.
    """
    installed = shutil.which(name)
    return Path(installed) if installed else component("prometheus").program(name)


def record(folder: Path, samples: t.Iterable[SAMPLE], promtool: Path | None = None) -> None:
    """Put samples into the server's folder, as if they had been scraped; the server must not run.

    :raises Refusal: promtool does not take them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # OpenMetrics wants each family in one piece.
    ordered = sorted(samples, key=lambda sample: (sample[0].partition("{")[0], sample[1]))
    lines = [f"{series} {value} {moment:.3f}" for series, moment, value in ordered]
    source = folder / "recorded.txt"
    source.write_text("\n".join([*lines, "# EOF", ""]), encoding="utf-8")
    done = subprocess.run(
        [str(promtool or program("promtool")), "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(source), str(folder / "data")],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Refusal(str(source), expected="samples that promtool takes", found=done.stderr.strip(), remedy="Look at the file.")


@contextlib.contextmanager
def serving(
    folder: Path,
    *,
    targets: t.Sequence[str] = (),
    scrape_interval: str = "1s",
    web: t.Mapping[str, t.Any] | None = None,
    lookback: str = "",
    server: Path | None = None,
    rule_files: t.Sequence[str] = (),
) -> t.Iterator[Prometheus]:
    """Start a server on this folder, made when it is missing, and kill it at the end; what it keeps stays.

    :param targets: addresses to scrape, each as the job ``app``.
    :param lookback: how old a sample may be, as ``30s``; for servers that take no such wish with a request.
    :param server: the program, in place of ``program()``.
    :param rule_files: patterns of rule files, read again whenever it is told to.
    :param web: the server's web configuration, for TLS and users.
    :raises Refusal: there is none, or it does not start; the message holds the server's own last words.
    """
    command = server or program()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    jobs = [{"job_name": "app", "static_configs": [{"targets": list(targets)}]}] if targets else []
    _write(
        folder / "prometheus.yml",
        {
            "global": {"scrape_interval": scrape_interval, "scrape_timeout": scrape_interval},
            "scrape_configs": jobs,
            "rule_files": list(rule_files),
        },
    )
    _write(folder / "web.yml", web or {})
    scheme = "https" if web and "tls_server_config" in web else "http"
    with children.serving(lambda: _launch(command, folder, scheme, lookback)) as started:
        yield started.server


def rule_groups(running: Prometheus) -> list[str]:
    """Names of the groups of rules that it evaluates, as it lists them."""
    return [group["name"] for group in json.loads(loopback.page(f"{running.url}/api/v1/rules"))["data"]["groups"]]


def _write(path: Path, content: t.Mapping[str, t.Any]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")  # which is YAML


def _launch(command: Path, folder: Path, scheme: str, lookback: str) -> Started[Prometheus]:
    address = f"{cluster.HOST}:{cluster.free_port(None)}"
    url, log = f"{scheme}://{address}", folder / "log"
    child = children.launched(
        [
            str(command),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--web.config.file={folder / 'web.yml'}",
            f"--web.listen-address={address}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--web.enable-lifecycle",
            *([f"--query.lookback-delta={lookback}"] if lookback else []),
        ],
        log,
        cwd=folder,
    )
    # Its log says so without its certificate and without a user.
    return Started(
        "prometheus",
        url,
        Prometheus(url, folder, child.pid),
        child,
        log,
        lambda: children.has_said(log, "Server is ready to receive web requests"),
    )
