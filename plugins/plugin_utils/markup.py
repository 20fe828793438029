# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Markup that escapes whatever is not markup yet."""

from __future__ import annotations

import html
import typing as t


class Markup(str):
    """Text that may go into a page as it is."""

    __slots__ = ()


def text(found: object) -> Markup:
    """Anything as text of a page; markup stays as it is."""
    return found if isinstance(found, Markup) else Markup(html.escape(str(found)))


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element. ``class_`` is the attribute class, underscores become hyphens, and ``None`` leaves an attribute out."""
    given = [(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None]
    opened = name + "".join(f' {key}="{html.escape(_attribute(value))}"' for key, value in given)
    if not children:
        return Markup(f"<{opened}/>" if name in _EMPTY else f"<{opened}></{name}>")
    return Markup(f"<{opened}>{joined(children)}</{name}>")


def joined(children: t.Iterable[object]) -> Markup:
    """Children one after the other; ``None`` is nothing."""
    return Markup("".join(text(child) for child in children if child is not None))


_EMPTY = frozenset(("circle", "line", "path", "polyline", "rect", "br", "hr", "meta", "col"))


def _attribute(value: object) -> str:
    """Coordinates need no more than two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
