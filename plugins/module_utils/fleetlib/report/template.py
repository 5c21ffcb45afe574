# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pages, as Jinja2 templates. They are constants because only Python files travel with modules.

The pages hold no script and ask for nothing: the content security policy says so to the browser.
"""

from __future__ import annotations

_SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
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

{%- macro tally(found) -%}
<p class="tally">{% for name, count in found.items() if count -%}
{{ status(name, count ~ " " ~ status_words[name]) }}
{% endfor %}</p>
{%- endmacro -%}

{%- macro link(words, href) -%}
{% set target = href | safe_href %}
{% if target %}<a href="{{ target }}">{{ words }}</a>{% else %}{{ words }}
{%- if href %} <span class="muted">({{ href }})</span>{% endif %}{% endif %}
{%- endmacro -%}

{%- macro cell(value) -%}
{% if value is not mapping %}{{ value | scalar }}
{%- elif value.trend is defined %}{{ value.trend | sparkline }}
{%- elif value.status is defined %}{{ status(value.status, value.text) }}
{%- else %}{{ link(value.text, value.href) }}{% endif %}
{%- endmacro -%}

{%- macro table(data, label) -%}
<div class="scroll" role="region" aria-label="{{ label }}" tabindex="0">
<table role="table"{% if data.stack %} class="stack"{% endif %}>
<thead><tr role="row">{% for name in data.columns %}
<th scope="col" role="columnheader"{{ number if data.numeric[loop.index0] }}>{{ name }}</th>
{% endfor %}</tr></thead>
<tbody>
{% for row in data.rows %}
<tr role="row"><th scope="row" role="rowheader">{{ cell(row[0]) }}</th>
{%- for value in row[1:] -%}
<td role="cell"{{ number if data.numeric[loop.index] }}>{{ cell(value) }}</td>
{%- endfor %}</tr>
{% endfor %}
</tbody>
</table>
</div>
{% if data.left_out %}{{ more(data.left_out) }}{% endif %}
{%- endmacro -%}

{%- macro more(count) -%}
<p class="muted small">{{ count }} more in <a href="report.json">report.json</a>.</p>
{%- endmacro -%}

{%- macro figures(data, title) -%}
{% if data.rows %}<details><summary>The figures</summary>{{ table(data, title ~ ": the figures") }}</details>
{% else %}<p class="muted">No data.</p>{% endif %}
{%- endmacro -%}

{%- macro plot(drawn, data, title) -%}
{% if drawn.notice %}<p class="notice">{{ drawn.notice }}</p>{% endif %}
{% if drawn.drawing %}<figure class="plot">
{{ drawn.drawing.wide | safe }}{{ drawn.drawing.narrow | safe }}
{% if drawn.drawing.legend %}<ul class="legend">
{% for sample, name in drawn.drawing.legend %}<li>{{ sample | safe }}{{ name }}</li>
{% endfor %}</ul>{% endif %}
{% if drawn.drawing.note %}<figcaption class="muted small">{{ drawn.drawing.note }}</figcaption>{% endif %}
</figure>{% endif %}
{{ figures(data, title) }}
{%- endmacro -%}

{%- macro facts(named) -%}
<dl class="facts">{% for name, value in named.items() %}<dt>{{ name }}</dt><dd>{{ value | scalar }}</dd>
{% endfor %}</dl>
{%- endmacro -%}

{%- macro map(part) -%}
<ul class="legend">{% for name, count in part.tally.items() if count %}
<li><span class="swatch {{ name }}"></span> {{ count }} {{ part.words[name] }}</li>
{% endfor %}</ul>
{% set said = part.title ~ ": a cell for each of " ~ part.cells | length ~ "; the figures list them" %}
<div class="map" role="img" aria-label="{{ said }}">{% for one in part.cells %}
<i class="{{ one.status }}" title="{{ one.name }}: {{ one.detail or part.words[one.status] }}"></i>
{% endfor %}</div>
{{ figures(part.table, part.title) }}
{%- endmacro -%}
"""

_SECTION = """
{%- from "macros" import facts, link, map, plot, table, tally -%}
{%- macro section(part) -%}
<section>
<h2 id="{{ part.id }}">{{ part.title }}</h2>
{% if part.intro %}<p>{{ part.intro }}</p>{% endif %}
{% if part.kind == "checks" %}{{ tally(part.tally) }}{{ table(part.table, part.title) }}
{% elif part.kind == "facts" %}{{ facts(part.facts) }}
{% elif part.kind == "table" %}{{ table(part.table, part.title) }}
{% elif part.kind == "map" %}{{ map(part) }}
{% elif part.kind == "text" %}
{% for paragraph in part.paragraphs %}<p>{{ paragraph }}</p>
{% endfor %}
{% elif part.kind == "links" %}
<ul>{% for entry in part.links %}<li>{{ link(entry.text, entry.href) }}
{%- if entry.detail %}<br><span class="muted">{{ entry.detail }}</span>{% endif %}</li>
{% endfor %}</ul>
{% else %}{{ plot(part.drawn, part.table, part.title) }}{% endif %}
</section>
{%- endmacro -%}
"""

_CHANGES = """
{%- from "macros" import more -%}
{%- macro changes(run, groups, left_out, only_host) -%}
<section>
<h2 id="changes">{{ "What would change" if run.check_mode else "What changed" }}</h2>
{% if not run.changes %}<p>Nothing{{ " would change" if run.check_mode else " changed" }}.</p>{% endif %}
{% for name, entries in groups %}
<h3>{{ name }}</h3>
<ul>
{% for change in entries %}<li>{{ change.task }}
{%- if change.host != only_host %} <span class="muted small">on {{ change.host }}</span>{% endif %}
{%- for line in change.lines %}<br><span class="muted small">{{ line }}</span>{% endfor %}
{%- if change.diff %}<details><summary class="small">The difference</summary>
<pre class="diff">{{ change.diff }}</pre></details>{% endif %}</li>
{% endfor %}
</ul>
{% endfor %}
{% if left_out %}{{ more(left_out) }}{% endif %}
</section>
{%- endmacro -%}
"""

_RUN = """
{%- extends "shell" -%}
{%- from "macros" import facts, link, plot, table, tally -%}
{%- from "section" import section -%}
{%- from "changes" import changes -%}

{% block title %}{{ run.playbook }}: {{ verdict.words }}, {{ run.started | minute }} UTC{% endblock %}

{% block body %}
<header>
<p class="small"><a href="{{ home }}">All runs</a></p>
<div class="title"><h1>{{ run.playbook }}</h1>
<span class="badge {{ verdict.status }}">{{ verdict.words }}</span>
{% if run.check_mode %}<span class="badge">check mode</span>{% endif %}</div>
<p class="muted">{{ subtitle | select | join(" · ") }}</p>
</header>
<main id="main">

<section>
<h2 id="summary">Summary</h2>
<p>{{ verdict.sentence }}</p>
<dl class="tiles">
{% for name, value in tiles.items() %}
<div><dt>{{ name }}</dt><dd{% if name == "Failed" %} class="failed"{% endif %}>{{ value | scalar }}</dd></div>
{% endfor %}
</dl>
{% if run.checks.values() | sum %}<h3>Checks</h3>{{ tally(run.checks) }}{% endif %}
{% if run.next %}<h3>Where to look next</h3>
<ul>
{% for step in run.next %}<li>{{ link(step.text, step.href) }}
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
<section>
<h2 id="failures">Failures</h2>
{% for failure in failures %}
<h3>{{ failure.task }}</h3>
<p class="muted small">{{ failure.where | select | join(" · ") }}</p>
<pre>{{ failure.message }}</pre>
{% endfor %}
</section>
{% endif %}

{% if run.check_mode %}{{ changes(run, change_groups, changes_left_out, only_host) }}{% endif %}
{% for part in sections %}{{ section(part) }}
{% endfor %}
{% if not run.check_mode %}{{ changes(run, change_groups, changes_left_out, only_host) }}{% endif %}

{% if run.phases %}
<section>
<h2 id="durations">Where the time went</h2>
{% if durations.drawn %}{{ plot(durations.drawn, durations.table, "Where the time went") }}
{% else %}{{ table(durations.table, "Where the time went") }}{% endif %}
</section>
{% endif %}

<section>
<h2 id="about">About this run</h2>
{{ facts(about) }}
</section>
</main>
<footer>Every figure on this page comes from <a href="report.json">report.json</a>. Times are UTC.</footer>
{% endblock %}
"""

_INDEX = """
{%- extends "shell" -%}
{%- from "macros" import table -%}
{% block title %}All runs{% endblock %}
{% block body %}
<header>
<h1>All runs</h1>
<p class="muted">{{ subtitle }}</p>
</header>
<main id="main">
{% if latest.rows %}
<section>
<h2 id="latest">Last run of each playbook</h2>
{{ table(latest, "Last run of each playbook") }}
</section>
{% endif %}
<section>
<h2 id="runs">Every run</h2>
{{ table(runs, "Every run") }}
</section>
</main>
<footer>Every run has its own directory with a page and a report.json. Times are UTC.</footer>
{% endblock %}
"""

TEMPLATES = {
    "shell": _SHELL,
    "macros": _MACROS,
    "section": _SECTION,
    "changes": _CHANGES,
    "run": _RUN,
    "index": _INDEX,
}
