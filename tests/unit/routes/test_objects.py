# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fence's SQL says what the router's Python says, and no name or value of a user becomes SQL."""

from __future__ import annotations

from ansible_collections.governed.delivery.plugins.module_utils._postgres import routes_fence as fences
from ansible_collections.governed.delivery.plugins.module_utils._postgres import routes_objects as objects
from ansible_collections.governed.delivery.plugins.module_utils._postgres import routes_router as router
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_balance import share_out
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_fence import Change
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_objects import Installed

BODIES = {function.name: function.body for function in objects.FUNCTIONS}
NOTHING = Installed(False, frozenset(), {}, frozenset())


def test_error_codes_and_lock_are_the_same_on_both_sides() -> None:
    for code in (router.STALE, router.NOT_OWNER, router.BAD_TENANT):
        assert f"'{code}'" in BODIES["route_refusal"]
    assert f"pg_advisory_xact_lock_shared({objects.LOCK_KEY})" in BODIES["assert_route"]


def test_sqlstates_are_of_a_class_that_is_left_to_implementations() -> None:
    for code in (router.STALE, router.NOT_OWNER, router.BAD_TENANT):
        assert len(code) == 5
        assert code[0] in "56789IJKLMNOPQRSTUVWXYZ"


def test_everything_is_created_once() -> None:
    created = objects.install(NOTHING, ["app"])
    assert len({step.text() for step in created}) == len(created)
    whole = Installed(True, frozenset(objects.TABLES), BODIES, frozenset(["app"]))
    assert objects.install(whole, ["app"]) == []


def test_a_changed_function_is_replaced_and_its_rights_are_left_alone() -> None:
    older = {**BODIES, "assert_route": "BEGIN END"}
    steps = objects.install(Installed(True, frozenset(objects.TABLES), older, frozenset()), [])
    assert [step.on for step in steps] == ["governed_delivery.assert_route"]
    assert steps[0].text().startswith("CREATE OR REPLACE FUNCTION")


def test_nobody_but_the_named_roles_may_call_it() -> None:
    texts = [step.text() for step in objects.install(NOTHING, ['we"ird'])]
    assert sum("FROM PUBLIC" in text for text in texts) == len(objects.FUNCTIONS)
    assert [text for text in texts if 'TO "we""ird"' in text and text.startswith("GRANT EXECUTE")]


def test_values_are_quoted() -> None:
    tenant = "'); DROP TABLE docs; --"
    tenants = share_out(None, {"a": 1}, {tenant: "a"})
    text = "\n".join(
        step.text() for step in objects.apply(Change(fences.SETTLE, "a", None, fences.settled(tenants, "a", 1)), tenants, None)
    )
    assert "''); DROP TABLE docs; --" in text
    assert text.count("DROP TABLE") == 2, "in the document and in the owners, both inside quotes"


def test_what_was_not_installed_is_not_removed() -> None:
    assert objects.remove(NOTHING) == []
    assert len(objects.remove(Installed(True, frozenset(objects.TABLES), BODIES, frozenset()))) == len(objects.TABLES) + len(BODIES)
