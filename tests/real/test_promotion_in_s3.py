# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A promotion whose ledger lies in a bucket of a real S3 server: promoted, cut, recovered, and nothing of it beside the bucket."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.governed.delivery.plugins.plugin_utils import ledgers

from tests.faults.promotion import Ground

from .conftest import Fresh


@pytest.mark.usefixtures("keys_of_gateway")
def test_a_promotion_keeps_its_ledger_in_a_bucket(locked: Fresh, tmp_path: Path) -> None:
    ground = Ground(tmp_path / "ground")
    ground.make()
    place = {"bucket": locked.name, "prefix": "delivery", "endpoint": locked.gateway.endpoint, "retain_days": 1}
    code, output = ground.run("promote", kill_at=60, promotion_ledger_s3=place)
    assert code == -9, output
    code, output = ground.run("recover", promotion_ledger_s3=place)
    assert (code, ground.found()) == (0, "old"), output
    code, output = ground.run("promote", promotion_ledger_s3=place)
    assert (code, ground.found()) == (0, "new"), output
    assert not (ground.folder / "evidence" / "ledger").exists()
    assert (ground.folder / "evidence" / "trial.html").exists()
    told = {"directory": ground.folder / "evidence", "s3": {"region": None, "profile": None, **place}}
    statements = ledgers.evidence(told, writes=False).read(whole=True).statements
    assert [statement["type"] for statement in statements if statement["type"] in ("started", "taken_over", "promoted", "not_promoted")] == [
        "started", "taken_over", "not_promoted", "started", "promoted",
    ]  # fmt: skip
