# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The style sheet of the reports: light, dark, phone and paper. Plots take their colours from here."""

from __future__ import annotations

STYLE = """
:root {
  --bg: #f8f8f6; --surface: #ffffff; --ink: #1b2024; --muted: #565d66; --line: #dfe1dd; --link: #1f5aa6;
  --passed: #176b3b; --warned: #855300; --failed: #b3261e; --not-checked: #565d66;
  --series-1: #2f6db3; --series-2: #b5541c; --series-3: #2f7d4f; --series-4: #7a4fa3; --series-5: #806600;
  --series-6: #a83a5b;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace;
  color-scheme: light;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --bg: #14171a; --surface: #1c2024; --ink: #e6e8ea; --muted: #a3abb3; --line: #343a40; --link: #8ab8f2;
    --passed: #63c98f; --warned: #e5b455; --failed: #ff8f86; --not-checked: #a3abb3;
    --series-1: #7db0ee; --series-2: #f0a070; --series-3: #6cc592; --series-4: #c4a0ea; --series-5: #d8bd55;
    --series-6: #f08fae;
    color-scheme: dark;
  }
}
*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--bg); color: var(--ink); font: 16px/1.5 var(--sans);
  overflow-wrap: anywhere;
}
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 1rem; background: var(--surface); padding: .5rem 1rem; z-index: 1; }
header, main, footer { max-width: 76rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.75rem; }
footer { padding-top: 1rem; padding-bottom: 3rem; color: var(--muted); font-size: .875rem; }
a { color: var(--link); text-underline-offset: .15em; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: .25rem 0; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 0 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
p { margin: 0 0 .5rem; max-width: 44rem; }
.muted { color: var(--muted); }
.small { font-size: .875rem; }
section { margin: 1.25rem 0; padding: 1.1rem 1.25rem; background: var(--surface);
  border: 1px solid var(--line); border-radius: .6rem; }
section > :last-child { margin-bottom: 0; }
.title { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .75rem; }
.badge { display: inline-block; padding: .1rem .6rem; border: 1.5px solid currentcolor; border-radius: 2rem;
  font-size: .875rem; font-weight: 600; white-space: nowrap; }
.status { font-weight: 600; white-space: nowrap; }
.status::before { display: inline-block; width: 1.15em; }
.tally .status { margin-right: .75rem; }
.passed { color: var(--passed); } .warned { color: var(--warned); }
.failed { color: var(--failed); } .not_checked { color: var(--not-checked); }
.status.passed::before { content: "✓" / ""; } .status.warned::before { content: "!" / ""; }
.status.failed::before { content: "✕" / ""; } .status.not_checked::before { content: "–" / ""; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .9rem 1.25rem;
  margin: 0; }
.tiles dt { color: var(--muted); font-size: .875rem; }
.tiles dd { margin: 0; font-size: 1.05rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.facts { display: grid; grid-template-columns: fit-content(16rem) 1fr; gap: .3rem 1.25rem; margin: 0; }
.facts dt { color: var(--muted); } .facts dd { margin: 0; }
ul { margin: 0 0 .5rem; padding-left: 1.2rem; } li { margin: .2rem 0; }
code, pre { font-family: var(--mono); font-size: .875em; }
code { overflow-wrap: anywhere; }
pre { margin: .4rem 0; padding: .7rem .85rem; background: var(--bg); border: 1px solid var(--line);
  border-radius: .4rem; white-space: pre-wrap; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; padding: 0; margin: 0; list-style: none; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .9rem .4rem 0; text-align: left; vertical-align: top;
  border-top: 1px solid var(--line); }
td { min-width: 6.25rem; } tbody th { min-width: 9rem; }
@media screen { .stack tbody th { min-width: 11rem; } }
thead th { border-top: 0; color: var(--muted); font-size: .875rem; font-weight: 500; white-space: nowrap; }
tbody th { font-weight: 500; }
td.number, th.number { text-align: right; white-space: nowrap; }
details { margin: .5rem 0 0; }
summary { cursor: pointer; color: var(--link); width: fit-content; }
.plot { margin: .5rem 0 0; max-width: 56rem; }
.plot svg.wide, .plot svg.narrow { display: block; width: 100%; height: auto; }
.plot svg.narrow { display: none; max-width: 30rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; list-style: none;
  font-size: .875rem; }
.key { width: 26px; height: 10px; margin-right: .4rem; }
.spark { width: 96px; height: 24px; fill: none; stroke: var(--series-1); stroke-width: 1.6;
  vertical-align: middle; }
.spark circle { fill: var(--series-1); stroke: none; }
.map { display: grid; grid-template-columns: repeat(auto-fill, minmax(13px, 1fr)); gap: 3px;
  margin: .5rem 0; }
.map i { aspect-ratio: 1; border: 2px solid currentcolor; border-radius: 3px; }
.map .passed, .swatch.passed { background: currentcolor; opacity: .55; }
.map .failed, .swatch.failed { background: currentcolor; }
.map .warned, .swatch.warned { background: linear-gradient(135deg, currentcolor 50%, transparent 50%); }
.swatch { display: inline-block; width: 13px; height: 13px; border: 2px solid currentcolor;
  border-radius: 3px; vertical-align: -1px; }
.diff { font-size: .8125rem; }

.notice { border-left: 3px solid var(--warned); padding-left: .75rem; }
@media screen and (max-width: 46rem) {
  .plot svg.wide { display: none; } .plot svg.narrow { display: block; }
  .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin-bottom: .5rem; }
  section { padding: 1rem; }
  .stack thead { display: none; }
  .stack tr { display: block; padding: .5rem 0; border-top: 1px solid var(--line); }
  .stack tbody th, .stack td { display: block; padding: 0; border: 0; min-width: 0; }
  .stack th { font-weight: 600; } .stack td { display: inline-block; margin-right: 1rem; }
}
@page { margin: 12mm; }
@media print {
  :root { --bg: #fff; }
  body { font-size: 10.5pt; }
  header, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
  nav, .skip, summary { display: none; }
  section { border-width: 0 0 1px; border-radius: 0; padding: 0 0 .75rem; }
  .scroll { overflow: visible; }
  .plot svg.wide { display: block; } .plot svg.narrow { display: none; }
  .plot svg, tr, .tiles { break-inside: avoid; } h2, h3 { break-after: avoid; }
  thead { display: table-header-group; }
  table { font-size: 9.5pt; } td, th, tbody th { min-width: 5.25rem; }
  thead th, thead th.number { white-space: normal; }
  table:has(thead th:nth-child(9)) { font-size: 8pt; }
  table:has(thead th:nth-child(9)) :is(thead th, tbody th, td) { min-width: 3.25rem; }
  details::details-content { content-visibility: visible; block-size: auto; }
  .map i, .swatch { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  a[href^="http"]::after { content: " (" attr(href) ")"; font-size: .85em; }
}
"""
