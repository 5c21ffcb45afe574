# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The two pages, as Jinja2 templates. They are constants because only Python files travel with modules.

The pages hold no script and ask for nothing: the content security policy says so to the browser.
"""

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
header, main, footer { max-width: 58rem; margin: 0 auto; padding: 0 1rem; }
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
.status::before { display: inline-block; width: 1.25em; text-align: center; }
.passed { color: var(--passed); } .warned { color: var(--warned); }
.failed { color: var(--failed); } .not_checked { color: var(--not-checked); }
.status.passed::before { content: "✓" / ""; } .status.warned::before { content: "!" / ""; }
.status.failed::before { content: "✕" / ""; } .status.not_checked::before { content: "–" / ""; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .9rem 1.25rem; margin: 0; }
.tiles dt { color: var(--muted); font-size: .875rem; }
.tiles dd { margin: 0; font-size: 1.05rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.facts { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .3rem 1.25rem; margin: 0; }
.facts dt { color: var(--muted); } .facts dd { margin: 0; }
ul { margin: 0 0 .5rem; padding-left: 1.2rem; } li { margin: .2rem 0; }
code, pre { font-family: var(--mono); font-size: .875em; }
code { overflow-wrap: anywhere; }
pre { margin: .4rem 0; padding: .7rem .85rem; background: var(--bg); border: 1px solid var(--line);
  border-radius: .4rem; white-space: pre-wrap; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; padding: 0; margin: 0; list-style: none; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .9rem .4rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
td { min-width: 4.5rem; }
thead th { border-top: 0; color: var(--muted); font-size: .875rem; font-weight: 500; white-space: nowrap; }
tbody th { font-weight: 500; }
td.number, th.number { text-align: right; white-space: nowrap; }
details { margin: .5rem 0 0; }
summary { cursor: pointer; color: var(--link); width: fit-content; }
.plot { margin: .5rem 0 0; }
.plot svg.wide, .plot svg.narrow { display: block; width: 100%; height: auto; }
.plot svg.narrow { display: none; max-width: 30rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; list-style: none; font-size: .875rem; }
.key { width: 26px; height: 10px; margin-right: .4rem; }
.spark { width: 96px; height: 24px; fill: none; stroke: var(--series-1); stroke-width: 1.6; vertical-align: middle; }
.spark circle { fill: var(--series-1); stroke: none; }
.map { display: grid; grid-template-columns: repeat(auto-fill, minmax(13px, 1fr)); gap: 3px; padding: 0;
  margin: .5rem 0; list-style: none; }
.map li { margin: 0; aspect-ratio: 1; border: 2px solid currentcolor; border-radius: 3px; }
.map .passed, .swatch.passed { background: currentcolor; opacity: .55; }
.map .failed, .swatch.failed { background: currentcolor; }
.map .warned, .swatch.warned { background: linear-gradient(135deg, currentcolor 50%, transparent 50%); }
.swatch { display: inline-block; width: 13px; height: 13px; border: 2px solid currentcolor; border-radius: 3px;
  vertical-align: -1px; }
.diff { font-size: .8125rem; }
.notice { border-left: 3px solid var(--warned); padding-left: .75rem; }
@media (max-width: 46rem) {
  .plot svg.wide { display: none; } .plot svg.narrow { display: block; }
  .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin-bottom: .5rem; }
  section { padding: 1rem; } .roomy { display: none; }
}
@media print {
  :root { --bg: #fff; }
  body { font-size: 10.5pt; }
  header, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
  nav, .skip, summary { display: none; }
  section { border-width: 0 0 1px; border-radius: 0; padding: 0 0 .75rem; }
  .scroll { overflow: visible; }
  .plot svg.wide { display: block; } .plot svg.narrow { display: none; }
  .plot svg, tr, .tiles { break-inside: avoid; } h2, h3 { break-after: avoid; } thead { display: table-header-group; }
  details::details-content { content-visibility: visible; block-size: auto; }
  .map li, .swatch { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  a[href^="http"]::after { content: " (" attr(href) ")"; font-size: .85em; }
}
"""

_SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{% block title required %}{% endblock %}</title>
<style>{{ style }}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
{% block body required %}{% endblock %}
</body>
</html>
"""

_MACROS = """
{%- macro status(value, words=none) -%}
<span class="status {{ value }}">{{ words or status_words[value] }}</span>
{%- endmacro -%}

{%- macro link(words, href) -%}
{% set target = href | safe_href %}{% if target %}<a href="{{ target }}">{{ words }}</a>{% else %}{{ words }}{% if href %}
 <span class="muted">({{ href }})</span>{% endif %}{% endif %}
{%- endmacro -%}

{%- macro cell(value) -%}
{% if value is not mapping %}{{ value | scalar }}
{% elif value.trend is defined %}{{ value.trend | sparkline }}
{% elif value.status is defined %}{{ status(value.status, value.text) }}
{% else %}{{ link(value.text, value.href) }}{% endif %}
{%- endmacro -%}

{%- macro table(data, label) -%}
<div class="scroll" role="region" aria-label="{{ label }}" tabindex="0">
<table>
<thead><tr>{% for name in data.columns %}<th scope="col"{% if data.numeric[loop.index0] %} class="number"{% endif %}>
{{- name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in data.rows %}<tr>{% for value in row -%}
{% if loop.first %}<th scope="row">{{ cell(value) }}</th>
{%- else %}<td{% if data.numeric[loop.index0] %} class="number"{% endif %}>{{ cell(value) }}</td>{% endif %}
{%- endfor %}</tr>
{% endfor %}
</tbody>
</table>
</div>
{% if data.left_out %}<p class="muted small">{{ data.left_out }} more in <a href="report.json">report.json</a>.</p>{% endif %}
{%- endmacro -%}

{%- macro plot(drawn, data, title) -%}
{% if drawn.notice %}<p class="notice">{{ drawn.notice }}</p>{% endif %}
{% if drawn.drawing %}<figure class="plot">
{{ drawn.drawing.wide | safe }}{{ drawn.drawing.narrow | safe }}
{% if drawn.drawing.legend %}<ul class="legend">{% for sample, name in drawn.drawing.legend %}<li>{{ sample | safe }}
{{- name }}</li>{% endfor %}</ul>{% endif %}
{% if drawn.drawing.note %}<figcaption class="muted small">{{ drawn.drawing.note }}</figcaption>{% endif %}
</figure>{% endif %}
{% if data.rows %}<details><summary>The figures</summary>{{ table(data, title ~ ": the figures") }}</details>
{% else %}<p class="muted">No data.</p>{% endif %}
{%- endmacro -%}

{%- macro tally(checks) -%}
{% for name, found in checks.items() if found %}{{ status(name, found ~ " " ~ status_words[name]) }}
{% endfor %}
{%- endmacro -%}
"""

RUN = (
    "{% extends 'shell' %}{% from 'macros' import cell, link, plot, status, table, tally with context %}"
    """
{% block title %}{{ run.playbook }}: {{ verdict.words }}, {{ run.started | moment }}{% endblock %}
{% block body %}
<header>
<p class="small"><a href="{{ home }}">All runs</a></p>
<div class="title"><h1>{{ run.playbook }}</h1>
<span class="badge {{ verdict.status }}">{{ verdict.words }}</span>
{% if run.check_mode %}<span class="badge">check mode</span>{% endif %}</div>
<p class="muted">{{ [run.environment, run.region] | select | join(", ") }}{{ " · " if run.environment or run.region }}
{{- run.started | moment }} · {{ run.seconds | duration }}</p>
</header>
<main id="main">

<section aria-labelledby="summary">
<h2 id="summary">Summary</h2>
<p>{{ verdict.sentence }}</p>
<dl class="tiles">
<div><dt>{{ "Would change" if run.check_mode else "Changed" }}</dt><dd>{{ run.counts.changed | plural("task") }}</dd></div>
<div><dt>Unchanged</dt><dd>{{ (run.counts.ok - run.counts.changed) | plural("task") }}</dd></div>
{% if run.counts.failures + run.counts.unreachable %}
<div><dt>Failed</dt><dd class="failed">{{ (run.counts.failures + run.counts.unreachable) | plural("task") }}</dd></div>
{% endif %}
{% for name, value in run.summary.items() %}<div><dt>{{ name }}</dt><dd>{{ value | scalar }}</dd></div>
{% endfor %}
</dl>
{% if run.checks.values() | sum %}<h3>Checks</h3>
<p>{{ tally(run.checks) }}</p>{% endif %}
{% if run.next %}<h3>Where to look next</h3>
<ul>
{% for step in run.next %}<li>{{ link(step.text, step.href) if step.href else step.text }}
{%- if step.command %}: <code>{{ step.command }}</code>{% endif %}
{%- if step.detail %}<br><span class="muted">{{ step.detail }}</span>{% endif %}</li>
{% endfor %}
</ul>{% endif %}
{% for warning in run.warnings %}<p class="notice">{{ warning }}</p>
{% endfor %}
</section>

<nav aria-label="On this page" class="small"><ul>
{% for name, title in contents %}<li><a href="#{{ name }}">{{ title }}</a></li>
{% endfor %}
</ul></nav>

{% if run.failures %}
<section aria-labelledby="failures">
<h2 id="failures">Failures</h2>
{% for failure in run.failures %}
<h3>{{ failure.task }}</h3>
<p class="muted small">{{ [failure.role, failure.play, failure.host] | select | join(" · ") }}
{%- if failure.kind != "failures" %} · {{ failure_words[failure.kind] }}{% endif %}</p>
<pre>{{ failure.message }}</pre>
{% endfor %}
</section>
{% endif %}

{% macro changes() %}
<section aria-labelledby="changes">
<h2 id="changes">{{ "What would change" if run.check_mode else "What changed" }}</h2>
{% if not run.changes %}<p>Nothing{{ " would change" if run.check_mode else " changed" }}.</p>{% endif %}
{% for group, entries in change_groups %}
<h3>{{ group }}</h3>
<ul>
{% for change in entries %}<li>{{ change.task }}
{%- if change.host != only_host %} <span class="muted small">on {{ change.host }}</span>{% endif %}
{%- if change.loop %}<br><span class="muted small">{{ change.loop.changed }} of {{ change.loop.of | plural("item") }}
{%- if change.loop.names %}: {{ change.loop.names | join(", ") }}
{%- if change.loop.names | length < change.loop.changed %}, …{% endif %}{% endif %}</span>{% endif %}
{%- for line in change.summary %}<br><span class="muted small">{{ line }}</span>{% endfor %}
{%- if change.diff %}<details><summary class="small">The difference</summary><pre class="diff">{{ change.diff }}</pre></details>{% endif %}</li>
{% endfor %}
</ul>
{% endfor %}
{% if changes_left_out %}<p class="muted small">{{ changes_left_out }} more in <a href="report.json">report.json</a>.</p>{% endif %}
</section>
{% endmacro %}
{% if run.check_mode %}{{ changes() }}{% endif %}

{% for part in sections %}
<section aria-labelledby="{{ part.id }}">
<h2 id="{{ part.id }}">{{ part.title }}</h2>
{% if part.intro %}<p>{{ part.intro }}</p>{% endif %}
{% if part.kind == "checks" %}<p>{{ tally(part.tally) }}</p>{{ table(part.table, part.title) }}
{% elif part.kind == "facts" %}<dl class="facts">{% for name, value in part.facts.items() %}<dt>{{ name }}</dt>
<dd>{{ value | scalar }}</dd>{% endfor %}</dl>
{% elif part.kind == "table" %}{{ table(part.table, part.title) }}
{% elif part.kind == "text" %}{% for paragraph in part.paragraphs %}<p>{{ paragraph }}</p>{% endfor %}
{% elif part.kind == "links" %}<ul>{% for entry in part.links %}<li>{{ link(entry.text, entry.href) }}
{%- if entry.detail %}<br><span class="muted">{{ entry.detail }}</span>{% endif %}</li>{% endfor %}</ul>
{% elif part.kind == "map" %}
<ul class="legend">{% for name, found in part.tally.items() if found %}<li><span class="swatch {{ name }}"></span>
{{ found }} {{ part.words[name] }}</li>{% endfor %}</ul>
<ul class="map" role="img" aria-label="{{ part.title }}: one cell for each of {{ part.cells | length }}; the figures below list them">
{% for one in part.cells %}<li class="{{ one.status }}" title="{{ one.name }}: {{ one.detail or part.words[one.status] }}"></li>
{% endfor %}</ul>
{{ plot({}, part.table, part.title) }}
{% else %}{{ plot(part.drawn, part.table, part.title) }}{% endif %}
</section>
{% endfor %}

{% if not run.check_mode %}{{ changes() }}{% endif %}

{% if run.phases %}
<section aria-labelledby="durations">
<h2 id="durations">Where the time went</h2>
{{ plot(durations.drawn, durations.table, "Where the time went") }}
</section>
{% endif %}

<section aria-labelledby="about">
<h2 id="about">About this run</h2>
<dl class="facts">{% for name, value in about %}<dt>{{ name }}</dt><dd>{% if name == "Command" %}<code>{{ value }}</code>
{%- else %}{{ value }}{% endif %}</dd>{% endfor %}</dl>
</section>
</main>
<footer>Every figure on this page comes from <a href="report.json">report.json</a>. Times are UTC.</footer>
{% endblock %}
"""
)

INDEX = (
    "{% extends 'shell' %}{% from 'macros' import status, tally with context %}"
    """
{% block title %}All runs{% endblock %}
{% block body %}
<header>
<h1>All runs</h1>
<p class="muted">{{ runs | length | plural("run") }} of {{ latest | length | plural("playbook") }}, newest first.</p>
</header>
<main id="main">
{% if latest %}
<section aria-labelledby="latest">
<h2 id="latest">Last run of each playbook</h2>
<div class="scroll" role="region" aria-label="Last run of each playbook" tabindex="0">
<table>
<thead><tr><th scope="col">Playbook</th><th scope="col">Result</th><th scope="col">When</th>
<th scope="col" class="roomy">Duration, run by run</th></tr></thead>
<tbody>
{% for entry in latest %}<tr><th scope="row"><a href="{{ entry.run.href }}">{{ entry.run.playbook }}</a></th>
<td>{{ status(entry.run.status, entry.run.words) }}</td><td>{{ entry.run.started | moment }}</td>
<td class="roomy">{{ entry.trend | sparkline }} {{ entry.run.seconds | duration }}</td></tr>
{% endfor %}
</tbody>
</table>
</div>
</section>
{% endif %}
<section aria-labelledby="runs">
<h2 id="runs">Every run</h2>
{% if not runs %}<p>None yet.</p>{% else %}
<div class="scroll" role="region" aria-label="Every run" tabindex="0">
<table>
<thead><tr><th scope="col">Playbook</th><th scope="col">Result</th><th scope="col">When</th>
<th scope="col" class="roomy">Environment</th><th scope="col" class="number roomy">Changed</th>
<th scope="col" class="roomy">Checks</th><th scope="col" class="number roomy">Duration</th></tr></thead>
<tbody>
{% for run in shown %}<tr><th scope="row"><a href="{{ run.href }}">{{ run.playbook }}</a>
{%- if run.check_mode %} <span class="muted small">check mode</span>{% endif %}</th>
<td>{{ status(run.status, run.words) }}</td><td>{{ run.started | moment }}</td>
<td class="roomy">{{ run.environment | scalar }}</td><td class="number roomy">{{ run.changed }}</td>
<td class="roomy">{{ tally(run.checks) }}</td><td class="number roomy">{{ run.seconds | duration }}</td></tr>
{% endfor %}
</tbody>
</table>
</div>
{% if shown | length < runs | length %}<p class="muted small">The newest {{ shown | length }}; the directories beside this
page hold the others.</p>{% endif %}
{% endif %}
</section>
</main>
<footer>Every run has its own directory with a page and a report.json. Times are UTC.</footer>
{% endblock %}
"""
)

TEMPLATES = {"shell": _SHELL, "macros": _MACROS, "run": RUN, "index": INDEX}
