# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""matplotlib's drawings as part of a page: in its colours and font, for a wide and for a narrow screen.

matplotlib is imported when the first plot is drawn: it takes about half a second, and many pages need none.
"""

from __future__ import annotations

import importlib
import io
import logging
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..core.errors import MissingDependencyError

WIDTHS = {"wide": 880, "narrow": 360}
"""Width in CSS pixels of the two drawings of a plot: one scaled down would be unreadable on a phone."""

SERIES = 6
"""How many colours there are for lines: ``series-1`` … in the page's style."""

_NAMES = ("ink", "muted", "line", "failed", *(f"series-{i}" for i in range(1, SERIES + 1)))
COLOURS = {name: f"#0a0b{i:02x}" for i, name in enumerate(_NAMES)}
"""What to draw with: each stands for the page's colour of that name, light or dark."""

_FONT_SIZE = 13
_SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "steel.fleet",
    "text.parse_math": False,
    "font.size": _FONT_SIZE,
    "font.family": ["DejaVu Sans"],
}
"""Text stays text, the same data gives the same bytes, and a dollar in a device's name is a dollar."""

_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML does not allow in a text."""


@dataclass(frozen=True)
class Caption:
    """What identifies a plot on its page, and what it is called."""

    id: str
    title: str


@dataclass(frozen=True)
class Drawing:
    """One plot: SVG elements for both widths, and what its lines are called."""

    wide: str
    narrow: str
    legend: tuple[tuple[str, str], ...] = ()
    """``(markup of a sample, name)``; the name is not escaped yet."""
    note: str = ""


Draw = Callable[[Any, int], None]
"""``draw(axes, width)`` draws on matplotlib axes in a figure that is ``width`` pixels wide."""


def paint(
    draw: Draw,
    height: int,
    caption: Caption,
    described: str,
    legend: tuple[tuple[str, str], ...] = (),
    note: str = "",
) -> Drawing:
    """Call ``draw`` for each width. ``described`` says in words what the plot shows.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    svg = {
        name: _inline(
            _svg(draw, width, height), name, Caption(f"{caption.id}-{name}", caption.title), described
        )
        for name, width in WIDTHS.items()
    }
    return Drawing(svg["wide"], svg["narrow"], legend, note)


def matplotlib(part: str) -> Any:
    """The part of matplotlib of that name, imported now."""
    # Its hints on fonts and caches are not meant for who runs a playbook.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        return importlib.import_module(f"matplotlib.{part}")
    except ImportError as error:
        raise MissingDependencyError(
            "matplotlib",
            "the plots of reports",
            "Install requirements.txt in the environment that runs ansible-playbook.",
        ) from error


def place(axes: Any, left: float, right: float, top: float, bottom: float) -> None:
    """Give axes their place in the figure, by margins in pixels."""
    width, height = (inches * 72 for inches in axes.figure.get_size_inches())
    axes.set_position(
        [left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height]
    )


def clean(value: object) -> str:
    """A text that XML allows, on one line."""
    return " ".join(_UNPRINTABLE.sub("\ufffd", str(value)).split())


def _svg(draw: Draw, width: int, height: int) -> str:
    figures, settings = matplotlib("figure"), matplotlib("style").context(_SETTINGS)
    with settings, warnings.catch_warnings():
        # A character that matplotlib's own font lacks is drawn by the browser.
        warnings.simplefilter("ignore")
        axes = figures.Figure(figsize=(width / 72, height / 72)).add_subplot()
        axes.set_facecolor("none")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, colors=COLOURS["muted"], labelsize=_FONT_SIZE)
        draw(axes, width)
        drawn = io.StringIO()
        axes.figure.savefig(drawn, format="svg", transparent=True)
    return drawn.getvalue()


def _inline(svg: str, name: str, caption: Caption, described: str) -> str:
    """matplotlib's SVG document as an element of a page: own ids, the page's colours and font, a name."""
    root = ET.fromstring(svg)  # noqa: S314  # written by matplotlib a moment ago
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    prefix = f"{caption.id}-"
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {
            key.rpartition("}")[2]: _own_id(key.rpartition("}")[2], value, prefix)
            for key, value in element.attrib.items()
        }
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "class": name,
        "role": "img",
        "aria-labelledby": f"{prefix}title {prefix}description",
    }
    heading = ET.Element("title", {"id": f"{prefix}title"})
    heading.text = clean(caption.title)
    description = ET.Element("desc", {"id": f"{prefix}description"})
    description.text = clean(described)
    root[:0] = [heading, description]
    markup = ET.tostring(root, encoding="unicode", short_empty_elements=False)
    markup = re.sub(r">\s+<", "><", re.sub(r"font-family: [^;\"]+", "font-family: var(--sans)", markup))
    for colour, value in COLOURS.items():
        markup = markup.replace(value, f"var(--{colour})")
    return markup


def _own_id(key: str, value: str, prefix: str) -> str:
    if key == "id":
        return prefix + value
    if key == "href":
        return value.replace("#", f"#{prefix}", 1)
    return value.replace("url(#", f"url(#{prefix}")
