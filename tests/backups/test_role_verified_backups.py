# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role verified_backups writes, records and takes back, through ansible-playbook; systemd's own tool reads the units."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from playground.postgres import Postgres
from tests.support import playbooks
from tests.support.playbooks import Ended

ROLE = "governed.delivery.verified_backups"
PREFIX = "verified_backups_"
PLAYBOOK = str(Path(sys.executable).parent / "ansible-playbook")

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@dataclasses.dataclass(frozen=True)
class Host:
    """Folders that stand for those of a host; nothing of the real one is touched."""

    folder: Path

    def door(self, *doors: str, check: bool = False, **variables: t.Any) -> Ended:
        given = {
            "cluster": "shop",
            "source": {"directory": str(self.folder / "backups")},
            "state_directory": str(self.folder / "state"),
            "unit_directory": str(self.folder / "units"),
            "unit_start": False,
            "ansible_playbook": PLAYBOOK,
            **variables,
        }
        tasks = [{"ansible.builtin.include_role": {"name": ROLE, "tasks_from": door}} for door in doors]
        return playbooks.run(self.folder, {"vars": {PREFIX + name: value for name, value in given.items()}, "tasks": tasks}, check=check)

    def passes(self, *doors: str, **more: t.Any) -> Ended:
        ended = self.door(*doors, **more)
        assert ended.succeeded, ended.output
        return ended

    def fails(self, *doors: str, **more: t.Any) -> str:
        ended = self.door(*doors, **more)
        assert not ended.succeeded, ended.output
        return ended.text

    @property
    def files(self) -> set[str]:
        ours = {"playbook.yml", "inventory.yml", "output"}
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file() and path.name not in ours}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    for name in ("units", "out"):
        (tmp_path / name).mkdir()
    return Host(tmp_path)


def test_a_timer_with_rules_and_dashboard_comes_and_goes(host: Host) -> None:
    wanted: dict[str, t.Any] = {
        "schedule": "systemd",
        "nights": ["mon", "thu"],
        "unit_environment": {"AWS_PROFILE": 'a "b" 100%'},
        "alerts_file": str(host.folder / "out/alerts.yml"),
        "dashboard_file": str(host.folder / "out/dashboard.json"),
    }
    planned = host.passes("main", check=True, **wanted)
    assert planned.changed > 0
    assert host.files == set()
    host.passes("main", **wanted)
    units = {f"units/verified-backups-shop.{kind}" for kind in ("service", "timer")}
    settings = {"state/shop.yml", "state/shop.record.json"}
    assert host.files == units | settings | {"out/alerts.yml", "out/dashboard.json"}
    timer = (host.folder / "units/verified-backups-shop.timer").read_text()
    assert "OnCalendar=Mon,Thu *-*-* 02:00:00 UTC\n" in timer
    service = (host.folder / "units/verified-backups-shop.service").read_text()
    assert f"ExecStart={PLAYBOOK} governed.delivery.validate_backups -e @{host.folder}/state/shop.yml\n" in service
    assert 'Environment="AWS_PROFILE=a \\"b\\" 100%%"\n' in service
    told = yaml.safe_load((host.folder / "state/shop.yml").read_text())
    assert (told[f"{PREFIX}cluster"], told[f"{PREFIX}source"]) == ("shop", {"directory": str(host.folder / "backups")})
    assert all(name.startswith(PREFIX) for name in told)
    assert (host.folder / "state/shop.yml").stat().st_mode & 0o777 == 0o600
    json.loads((host.folder / "out/dashboard.json").read_text())
    assert host.passes("main", **wanted).changed == 0

    # Without a schedule its units go; what is still wanted stays.
    host.passes("main", **{**wanted, "schedule": "none"})
    assert host.files == {"state/shop.record.json", "out/alerts.yml", "out/dashboard.json"}
    (host.folder / "out/somebody.yml").touch()
    host.passes("undo")
    assert host.files == {"out/somebody.yml"}
    assert host.passes("undo").changed == 0


def test_an_apply_that_was_cut_is_taken_back(host: Host) -> None:
    host.passes("main", schedule="systemd")
    (host.folder / "units/verified-backups-shop.timer").unlink()
    host.passes("undo")
    assert host.files == set()


def test_a_file_of_somebody_else_is_left_alone(host: Host) -> None:
    path = host.folder / "out/alerts.yml"
    path.write_text("groups: []\n")
    text = host.fails("main", alerts_file=str(path))
    assert "expected no file, or one that this role wrote; found another" in text
    assert host.files == {"out/alerts.yml"}
    assert path.read_text() == "groups: []\n"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"schedule": "systemd", "time": "2:00"}, "hours and minutes as in 02:00"),
        ({"schedule": "systemd", "time_zone": "Mars/Phobos"}, "Mars/Phobos"),
        ({"schedule": "systemd", "ansible_playbook": "/nowhere/ansible-playbook"}, "found none at /nowhere/ansible-playbook"),
        ({"cluster": "../etc"}, "It names files and units"),
        ({"heartbeat_unit": True}, "expected the connection to the primary"),
        ({"schedule": "kubernetes"}, "verified_backups_kubernetes_image: expected a value"),
        (
            {
                "schedule": "kubernetes",
                "kubernetes_image": "i",
                "kubernetes_manifest": "/nowhere/m.yml",
                "heartbeat": {"login_db": "a", "login_password": "geheim"},
            },
            "because a ConfigMap would show it",
        ),
        (
            {"schedule": "kubernetes", "kubernetes_image": "i", "kubernetes_manifest": "/nowhere/m.yml", "textfile": "/x/y.prom"},
            "gone with it",
        ),
        ({"nights": ["monday"]}, "value of verified_backups_nights must be one or more of"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_before_anything_is_written(host: Host, variables: dict[str, t.Any], said: str) -> None:
    text = host.fails("main", **variables)
    assert said in text
    assert "geheim" not in text
    assert host.files == set()


def test_a_manifest_for_kubernetes_is_whole(host: Host) -> None:
    path = host.folder / "out/cronjob.yml"
    wanted: dict[str, t.Any] = {
        "schedule": "kubernetes",
        "kubernetes_image": "registry.example.net/restore:1",
        "kubernetes_manifest": str(path),
        "kubernetes_secret": "shop-keys",
        "kubernetes_storage_class": "scratch",
        "textfile": "/metrics/shop.prom",
        "kubernetes_textfile_claim": "metrics",
        "invariants": [{"name": "no orphans", "database": "shop", "query": "SELECT 1 WHERE 'a: b' = 'x'\n# no comment"}],
    }
    host.passes("main", **wanted)
    kinds = {one["kind"]: one for one in yaml.safe_load_all(path.read_text())}
    assert set(kinds) == {"ServiceAccount", "ConfigMap", "NetworkPolicy", "CronJob"}
    job = kinds["CronJob"]["spec"]["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    assert (kinds["CronJob"]["spec"]["concurrencyPolicy"], job["backoffLimit"], pod["restartPolicy"]) == ("Forbid", 0, "Never")
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert {mount["name"] for mount in container["volumeMounts"]} <= {volume["name"] for volume in pod["volumes"]}
    told = yaml.safe_load(kinds["ConfigMap"]["data"]["validate.yml"])
    assert told[f"{PREFIX}invariants"] == wanted["invariants"]
    assert host.passes("main", **wanted).changed == 0
    host.passes("undo")
    assert host.files == set()


def test_the_heartbeat_beats_and_its_table_goes_with_it(host: Host, database: Postgres) -> None:
    psql = shutil.which("psql")
    if psql is None:
        pytest.skip("psql is not installed")
    connection = database.module_parameters()
    wanted: dict[str, t.Any] = {"heartbeat": connection, "heartbeat_unit": True, "psql": psql}
    host.passes("main", **wanted)
    assert host.passes("main", **wanted).changed == 0
    environment = dict(line.split("=", 1) for line in (host.folder / "state/shop.heartbeat.env").read_text().splitlines() if line[0] != "#")
    [command] = [
        line.removeprefix("ExecStart=")
        for line in (host.folder / "units/verified-backups-shop-heartbeat.service").read_text().splitlines()
        if line.startswith("ExecStart=")
    ]
    # What systemd would start, for as long as it takes to beat three times.
    beating = subprocess.Popen(
        command.split(), env={name: json.loads(value) for name, value in environment.items()}, stdout=subprocess.DEVNULL
    )
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            beating.wait(3.5)
    finally:
        beating.kill()
        beating.wait()
    with database.connect() as session:
        [(beats,)] = session.execute("SELECT seq FROM governed_delivery.heartbeat").fetchall()
    assert beats >= 3
    host.passes("undo", heartbeat=connection)
    with database.connect() as session:
        assert session.execute("SELECT to_regclass('governed_delivery.heartbeat')").fetchall() == [(None,)]
    assert host.files == set()


def test_a_heartbeat_that_was_there_stays(host: Host, database: Postgres) -> None:
    connection = database.module_parameters()
    with database.connect(autocommit=True) as session:
        session.execute("CREATE SCHEMA governed_delivery")
        session.execute("CREATE TABLE governed_delivery.heartbeat (id smallint PRIMARY KEY, seq bigint NOT NULL, ts timestamptz NOT NULL)")
        session.execute("INSERT INTO governed_delivery.heartbeat VALUES (1, 7, now())")
    host.passes("main", heartbeat=connection, alerts_file=str(host.folder / "out/alerts.yml"))
    host.passes("undo", heartbeat=connection)
    with database.connect() as session:
        assert session.execute("SELECT seq FROM governed_delivery.heartbeat").fetchall() == [(7,)]
