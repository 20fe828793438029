"""Several preconditions of one stage: each is judged, and every approval that one of them acts on is used up."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._promotion import gates
from ansible_collections.governed.delivery.plugins.module_utils._promotion.entering import Condition, Request
from ansible_collections.governed.delivery.plugins.module_utils._promotion.preconditions import Approved
from ansible_collections.governed.delivery.plugins.module_utils._promotion.state import Holder
from ansible_collections.governed.delivery.plugins.plugin_utils import plan_files

NOW = datetime.datetime(2026, 3, 30, 10, 0, tzinfo=datetime.UTC)


def test_two_preconditions_use_up_the_approvals_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = plan_files.load("sprint_36", {}).stage("prod")
    needs = (Approved(1, {}, 60.0), Approved(2, {}, 60.0))
    answers = {1: ("a",), 2: ("a", "b")}

    def approved(needed: Approved, *_rest: t.Any) -> tuple[Condition, tuple[str, ...]]:
        return Condition("approved", True, "", ""), answers[needed.by_at_least]

    monkeypatch.setattr(gates, "approved", approved)
    request = Request("promote", "r", "prod", "trial", "p", "prod", "d", Holder(), NOW)
    for order in (needs, needs[::-1]):
        object.__setattr__(stage, "preconditions", order)
        judged, used = gates.conditions(stage, request, [], gates.Context((), (), "eve"))
        assert (len(judged), sorted(used)) == (3, ["a", "b"])
