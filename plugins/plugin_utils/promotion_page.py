# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The report of a promotion, for whoever decides and whoever checks."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._promotion.evidence import Reading
from ansible_collections.governed.delivery.plugins.module_utils._promotion.plan import Plan

from . import pages, promotion_parts, stories
from .markup import Markup, joined, tag
from .stories import StageStory


def render(plan: Plan, reading: Reading, now: datetime.datetime | None = None) -> str:
    """The whole page.

    :param reading: all statements of the evidence; those of other plans are left out.
    :param now: when the page is written; by default now.
    """
    written = now or datetime.datetime.now(datetime.UTC)
    statements = [statement for statement in reading.statements if statement.get("plan") == plan.name]
    told = stories.stages(plan, statements)
    body = [
        _heading(plan, told, written),
        tag("ul", *[_card(story) for story in told], class_="cards"),
        joined(promotion_parts.halt(story) for story in told),
        promotion_parts.figures(plan, told),
        promotion_parts.timeline(told),
        joined(promotion_parts.stage(story) for story in told if story.result != "not run"),
        promotion_parts.variables(plan),
        promotion_parts.runs(plan, statements),
        _footer(plan, len(statements)),
    ]
    data = {
        "plan": {"name": plan.name, "title": plan.title, "digest": plan.digest, "items": list(plan.items)},
        "statements": [dict(one) for one in statements],
    }
    return pages.page(f"{plan.title}: {promotion_parts.summary(told)}", body, data)


def _heading(plan: Plan, told: t.Sequence[StageStory], written: datetime.datetime) -> Markup:
    summary = promotion_parts.summary(told)
    items = f"{', '.join(plan.items)}. " if plan.items else ""
    return tag(
        "header",
        tag("p", plan.title, class_="soft"),
        tag("h1", summary[:1].upper() + summary[1:]),
        tag(
            "p",
            f"{items}Plan {plan.name}, digest ",
            tag("code", plan.digest[:12]),
            f". Page written {promotion_parts.moment(written.isoformat())}.",
            class_="soft small",
        ),
    )


def _card(story: StageStory) -> Markup:
    verdicts = [found for judged in story.judged for found in judged.verdicts]
    met = sum(found.get("verdict") == "PASS" for found in verdicts)
    facts = f"{met} of {len(verdicts)} goals met" if verdicts else ("Nothing was judged" if story.result != "not run" else "Not yet")
    when = f" \u00b7 {promotion_parts.moment(story.at)}" if story.at else ""
    return tag(
        "li",
        tag("h3", story.stage.name, promotion_parts.chip(story.result)),
        tag("p", story.stage.summary) if story.stage.summary else None,
        tag("p", f"{facts}{when}", class_="soft"),
        class_="card",
    )


def _footer(plan: Plan, count: int) -> Markup:
    return tag(
        "footer",
        tag(
            "p",
            f"Made from {count} statements of the ledger, which stand in this page as JSON (element evidence). "
            "The acceptance pack has them signed and can be verified by itself.",
        ),
        tag("p", "Plan digest ", tag("code", plan.digest)),
    )
