# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a backup to the quarter's page, as a person does it: by ansible-playbook, on a real server."""

from __future__ import annotations

import datetime
import typing as t
from pathlib import Path

import pytest
import yaml

from playground import postgres
from tests.support import playbooks
from tests.support.playbooks import Ended
from tests.support.restores import Scene, scene

ROLE = "governed.delivery.verified_backups"


@pytest.fixture(scope="module")
def shop(session_name: str) -> t.Iterator[Scene]:
    """A primary with one backup, and an archive that goes on behind it."""

    def start(settings: t.Mapping[str, str]) -> postgres.Postgres:
        return postgres.start(16, postgres.place(f"{session_name}-nightly"), settings=settings, profile="small")

    with scene(start) as made, made.busy():
        answer = made.take(label="nightly")
        assert not answer["failed"], answer
        made.switch()
        yield made


def variables(shop: Scene, folder: Path, **changed: t.Any) -> dict[str, t.Any]:
    wanted = shop.wanted(cluster="shop", ledger={"directory": str(folder / "evidence")}, textfile=str(folder / "shop.prom"), **changed)
    return {f"verified_backups_{name}": value for name, value in wanted.items()}


def doors(folder: Path, told: t.Mapping[str, t.Any], *names: str) -> Ended:
    tasks = [{"ansible.builtin.include_role": {"name": ROLE, "tasks_from": name}} for name in names]
    shown = {"ansible.builtin.debug": {"msg": "ready={{ verified_backups_ready | default('unset') }}"}}
    return playbooks.run(folder, {"vars": dict(told), "tasks": [*tasks, shown]})


def task(folder: Path, module: str, **options: t.Any) -> Ended:
    return playbooks.run(folder, {"tasks": [{f"governed.delivery.{module}": {"directory": str(folder / "evidence"), **options}}]})


def imported(folder: Path, told: t.Mapping[str, t.Any], check: bool = False) -> Ended:
    """The shipped playbook, told by variables as its file of them would."""
    [play] = yaml.safe_load((playbooks.ROOT / "playbooks/validate_backups.yml").read_text())
    return playbooks.run(folder, {**play, "hosts": "all", "vars": dict(told)}, check=check)


def test_a_backup_is_proved_and_the_quarter_tells_of_it(shop: Scene, tmp_path: Path) -> None:
    told = variables(shop, tmp_path)
    ready = doors(tmp_path, told, "precheck")
    assert ready.succeeded, ready.output
    assert "ready=True" in ready.text
    assert not (tmp_path / "evidence").exists(), "precheck writes nothing"

    first = datetime.datetime.now(datetime.UTC).date()
    proved = imported(tmp_path, told)
    assert proved.succeeded, proved.output
    assert 'verdict="PASS"} 1\n' in (tmp_path / "shop.prom").read_text()
    again = imported(tmp_path, {**told, "verified_backups_max_age": 0.001})
    assert not again.succeeded
    assert "STALE_BACKUP" in again.text
    assert 'verdict="FAIL"} 1\n' in (tmp_path / "shop.prom").read_text()
    assert "restore_validate_last_pass_timestamp_seconds{" in (tmp_path / "shop.prom").read_text()

    last = datetime.datetime.now(datetime.UTC).date()  # midnight may have come between
    about = {
        "first": str(first),
        "last": str(last),
        "today": str(last + datetime.timedelta(days=1)),
        "destination": str(tmp_path / "q.html"),
    }
    made = task(tmp_path, "dr_report", **about)
    assert made.succeeded, made.output
    assert "not compliant" in made.text
    page = (tmp_path / "q.html").read_text()
    assert "STALE_BACKUP" in page
    assert "1 failure is not put right" in page
    assert made.changed == 1
    assert task(tmp_path, "dr_report", **about).changed == 0
    assert (tmp_path / "q.html").read_text() == page


def test_precheck_says_what_stands_in_the_way(shop: Scene, tmp_path: Path) -> None:
    refused = doors(tmp_path, variables(shop, tmp_path, backup="nobody"), "precheck")
    assert not refused.succeeded
    assert "nobody" in refused.text
    assert "ready=" not in refused.text


def test_a_rehearsal_restores_nothing(shop: Scene, tmp_path: Path) -> None:
    before = sorted(shop.work.rglob("*"))
    rehearsed = imported(tmp_path, variables(shop, tmp_path), check=True)
    assert rehearsed.succeeded, rehearsed.output
    assert not (tmp_path / "evidence").exists()
    assert sorted(shop.work.rglob("*")) == before


def test_a_verify_door_hands_over_what_it_measured(shop: Scene, tmp_path: Path) -> None:
    told = variables(shop, tmp_path, max_age=0.001)
    found = playbooks.run(
        tmp_path,
        {
            "vars": told,
            "tasks": [
                {"ansible.builtin.include_role": {"name": ROLE, "tasks_from": "verify"}},
                {
                    "ansible.builtin.assert": {
                        "that": [
                            "verified_backups_record.verdict == 'FAIL'",
                            "verified_backups_measures | selectattr('name', 'eq', 'restore_passed') | map(attribute='value') | first == 0",
                            "verified_backups_timeline.phases is defined",
                            "verified_backups_table | length > 0",
                        ]
                    }
                },
            ],
        },
    )
    assert found.succeeded, found.output
