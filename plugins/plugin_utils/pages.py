# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. One self-contained page: no network, no script, light and dark, legible in print."""

from __future__ import annotations

import json
import typing as t

from . import bullets, charts
from .markup import Markup, joined, tag

_LIGHT = """
--paper: #ffffff; --ink: #1b2330; --soft: #5b6675; --grid: #e3e7ec; --panel: #f6f7f9; --rule: #d3d9e0;
--band-a: rgba(27, 35, 48, .035); --band-b: rgba(27, 35, 48, .085); --lane-a: #e6eaf0; --lane-b: #d3dae3;
--mark: #a3330b; --series-0: #0072b2; --series-1: #d55e00; --series-2: #009e73; --series-3: #cc79a7; --allowed: #b9dccf;
--pass: #00654a; --pass-soft: #e2f3ec; --fail: #a3330b; --fail-soft: #fbe6dd; --open: #7a5200; --open-soft: #fbf0d6;
--error: #6b2f6e; --error-soft: #f3e4f3;
"""

_DARK = """
--paper: #12171f; --ink: #e8ecf1; --soft: #9aa6b4; --grid: #29313c; --panel: #1a212b; --rule: #333d4a;
--band-a: rgba(255, 255, 255, .03); --band-b: rgba(255, 255, 255, .085); --lane-a: #263040; --lane-b: #33405380;
--mark: #ff9d6f; --series-0: #56b4e9; --series-1: #e69f00; --series-2: #35c79c; --series-3: #dfa0c4; --allowed: #1f5c48;
--pass: #5fd6ae; --pass-soft: #123529; --fail: #ff9d6f; --fail-soft: #47220f; --open: #f0c25a; --open-soft: #3d3010;
--error: #dba3de; --error-soft: #3b203d;
"""

_STYLE = (
    ":root { color-scheme: light dark;"
    + _LIGHT
    + "}\n@media (prefers-color-scheme: dark) { :root {"
    + _DARK
    + "} }\n@media print { :root { color-scheme: light;"
    + _LIGHT
    + """} }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 "Segoe UI", -apple-system, Roboto, "Liberation Sans", Arial, sans-serif;
  -webkit-print-color-adjust: exact; print-color-adjust: exact; }
main { max-width: 1040px; margin: 0 auto; padding: 32px 24px 48px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -.01em; text-wrap: balance; }
h2 { font-size: 20px; line-height: 1.3; margin: 44px 0 12px; }
h3 { font-size: 15px; margin: 24px 0 6px; }
p { margin: 6px 0; max-width: 78ch; }
p.small { max-width: none; }
.soft { color: var(--soft); }
.small { font-size: 13px; }
code, .code { font: 12.5px/1.4 ui-monospace, "DejaVu Sans Mono", "Liberation Mono", monospace; overflow-wrap: anywhere; }
.chip { display: inline-flex; align-items: center; gap: 6px; padding: 1px 9px; border-radius: 999px; font-size: 12.5px; font-weight: 650; white-space: nowrap;
  border: 1px solid currentColor; }
.chip.pass { color: var(--pass); background: var(--pass-soft); } .chip.fail { color: var(--fail); background: var(--fail-soft); }
.chip.open { color: var(--open); background: var(--open-soft); } .chip.error { color: var(--error); background: var(--error-soft); }
.chip.none { color: var(--soft); background: var(--panel); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)); gap: 12px; margin: 20px 0; padding: 0; list-style: none; }
.card { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; padding: 14px 16px; break-inside: avoid; }
.card h3 { margin: 0 0 8px; display: flex; justify-content: space-between; align-items: center; gap: 8px; font-size: 17px; }
.card p { margin: 4px 0 0; font-size: 13.5px; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)); gap: 12px; margin: 20px 0; padding: 0; list-style: none; }
.figures li { border-top: 3px solid var(--rule); padding: 10px 2px 0; break-inside: avoid; }
.figures .number { display: block; font-size: 30px; line-height: 1.15; font-weight: 650; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.figures .unit { font-size: 16px; font-weight: 500; letter-spacing: 0; }
.figures .label { display: block; font-size: 14px; margin-top: 2px; }
.figures .needed { display: block; font-size: 12.5px; color: var(--soft); }
.figures .pass { border-color: var(--pass); } .figures .fail { border-color: var(--fail); }
.figures .open { border-color: var(--open); } .figures .error { border-color: var(--error); }
.scroll { overflow-x: auto; }
.scroll > .chart { min-width: 720px; }
figure { margin: 12px 0 0; break-inside: avoid; }
figcaption { font-size: 13px; color: var(--soft); margin-top: 4px; }
.keys { display: grid; grid-template-columns: repeat(auto-fill, minmax(235px, 1fr)); gap: 4px 18px;
  margin: 10px 0 0; padding: 0; list-style: none; font-size: 13px; }
.keys li { display: flex; gap: 7px; break-inside: avoid; }
.keys .soft, .together { white-space: nowrap; }
.keys b { min-width: 22px; height: 20px; padding: 0 4px; border-radius: 3px; background: var(--lane-b); text-align: center; font-weight: 600; }
.keys b.letter { background: none; color: var(--mark); border: 1px dashed var(--mark); }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
caption { text-align: left; font-weight: 600; padding: 0 0 6px; }
th { text-align: left; font-size: 12.5px; font-weight: 600; color: var(--soft);
  border-bottom: 1px solid var(--rule); padding: 4px 10px 4px 0; vertical-align: bottom; }
td { border-bottom: 1px solid var(--grid); padding: 8px 10px 8px 0; vertical-align: top; }
tr { break-inside: avoid; }
td.right, th.right { text-align: right; font-variant-numeric: tabular-nums; }
.goals { table-layout: fixed; }
.goals th:nth-child(1) { width: 150px; } .goals th:nth-child(3) { width: 19%; } .goals th:nth-child(4) { width: 17%; }
.goals th:nth-child(5) { width: 146px; } .goals th:nth-child(6) { width: 84px; }
td .how { display: block; font-size: 12.5px; color: var(--soft); max-width: 62ch; }
.note { border-left: 4px solid var(--rule); padding: 8px 14px; background: var(--panel); margin: 10px 0; overflow-wrap: anywhere; max-width: none; }
.note p { margin: 2px 0; max-width: none; }
.note.fail { border-color: var(--fail); } .note.open { border-color: var(--open); }
footer { margin-top: 48px; border-top: 1px solid var(--rule); padding-top: 12px; font-size: 12.5px; color: var(--soft); }
@media (max-width: 640px) {
  main { padding: 20px 16px 32px; }
  h1 { font-size: 25px; }
  table.stacked, .stacked tbody, .stacked tr, .stacked td { display: block; }
  .stacked thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stacked tr { border-bottom: 1px solid var(--rule); padding: 10px 0; }
  .stacked td { border: 0; padding: 2px 0; }
  .stacked td[data-label] { display: flex; gap: 12px; text-align: left; }
  .stacked td[data-label]::before { content: attr(data-label); flex: 0 0 88px; color: var(--soft); font-size: 12.5px; padding-top: 1px; }
  .stacked td:empty { display: none; }
}
@page { size: A4; margin: 14mm 13mm; }
@media print {
  body { font-size: 9.5pt; } main { max-width: none; padding: 0; } h1 { font-size: 19pt; } h2 { font-size: 13pt; margin: 20px 0 8px; }
  h2, h3, caption { break-after: avoid; } h3 { margin-top: 12px; }
  .cards { grid-template-columns: repeat(3, 1fr); gap: 8px; margin: 12px 0; } .card { padding: 9px 11px; }
  .figures { grid-template-columns: repeat(5, 1fr); gap: 10px; margin: 12px 0; } .figures .number { font-size: 17pt; } .figures .label { font-size: 9pt; }
  .figures .needed, .card p, .keys, figcaption, .small, td .how, th, footer { font-size: 8pt; } table { font-size: 9pt; } td { padding: 5px 8px 5px 0; }
  .chip { font-size: 8pt; padding: 0 6px; } .keys { grid-template-columns: repeat(3, 1fr); gap: 1px 10px; line-height: 1.35; } code { font-size: 8pt; }
  .keys b { height: auto; }
  .goals th:nth-child(1) { width: 96px; } .goals th:nth-child(5) { width: 104px; } .goals th:nth-child(6) { width: 62px; }
  .scroll { overflow: visible; } .scroll > .chart { min-width: 0; }
}
"""
    + charts.STYLE
    + bullets.STYLE
)


def page(title: str, body: t.Iterable[object], data: object, style: str = "") -> str:
    """A whole HTML document; ``data`` is embedded as JSON under the id ``evidence``, ``style`` is CSS that only this page needs."""
    head = [
        tag("meta", charset="utf-8"),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("meta", http_equiv="Content-Security-Policy", content="default-src 'none'; style-src 'unsafe-inline'"),
        tag("title", title),
        Markup(f"<style>{_STYLE}{style}</style>"),
    ]
    embedded = Markup(f'<script type="application/json" id="evidence">{embeddable(data)}</script>')
    return f'<!doctype html>\n<html lang="en"><head>{joined(head)}</head>\n<body><main>{joined(body)}</main>\n{embedded}\n</body></html>\n'


def embeddable(data: object) -> str:
    """JSON that cannot end the element it stands in."""
    content = json.dumps(data, sort_keys=True, ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        content = content.replace(character, f"\\u{ord(character):04x}")
    return content


def table(columns: t.Sequence[tuple[str, str]], rows: t.Iterable[t.Sequence[object]], caption: object = None, style: str = "") -> Markup:
    """A table that stacks on narrow screens; a column is its heading and its class (``right`` or nothing)."""
    heading = tag("tr", *[tag("th", name, scope="col", class_=style or None) for name, style in columns])
    body = [
        tag(
            "tr",
            *[
                tag("td", *_cells(cell), class_=style or None, data_label=name or None)
                for (name, style), cell in zip(columns, row, strict=True)
            ],
        )
        for row in rows
    ]
    return tag(
        "table", tag("caption", caption) if caption else None, tag("thead", heading), tag("tbody", *body), class_=f"stacked {style}".strip()
    )


def _cells(cell: object) -> t.Sequence[object]:
    """One child that keeps its content together when a narrow screen lays the cell out as a row; nothing for an empty cell."""
    return () if cell in ("", None) else (tag("span", cell),)
