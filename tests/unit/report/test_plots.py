"""The plots: that they show the data, also odd data."""

from __future__ import annotations

import re
import sys

import pytest
from fleetlib.report import plots
from fleetlib.report.canvas import Caption, Drawing

CAPTION = Caption("p", "A plot")


def texts(drawing: Drawing | None) -> list[str]:
    assert drawing is not None
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawing.wide)


def test_bars_are_labelled_with_name_and_value() -> None:
    shown = texts(
        plots.bars([{"name": "core", "value": 12.34}, {"name": "storage", "value": 0}], CAPTION, "s")
    )

    assert {"core", "storage", "12.3 s", "0.00 s"} <= set(shown)


def test_a_dollar_and_markup_in_a_name_are_just_characters() -> None:
    shown = texts(plots.bars([{"name": "$x_1$ <b>&", "value": 1}], CAPTION))

    assert "$x_1$ &lt;b&gt;&amp;" in shown


@pytest.mark.parametrize("name", ["", "\x00\x1b\ud800", "漢字 🦀", "a\nb"], ids=ascii)
def test_no_name_stops_a_plot(name: str) -> None:
    assert texts(plots.bars([{"name": name, "value": 1}], CAPTION))


@pytest.mark.parametrize("values", [[0, 0], [-5, -1], [-1, 1], [1e12, 1e-9]])
def test_bars_take_any_range(values: list[float]) -> None:
    assert texts(plots.bars([{"name": str(value), "value": value} for value in values], CAPTION))


def test_a_long_name_is_shortened_more_on_the_narrow_drawing() -> None:
    drawing = plots.bars([{"name": "n" * 100, "value": 1}], CAPTION)

    assert drawing is not None
    wide, narrow = (re.search(r">(n+)…<", svg) for svg in (drawing.wide, drawing.narrow))
    assert wide
    assert narrow
    assert len(wide[1]) > len(narrow[1])


@pytest.mark.parametrize("length", range(1, 21))
def test_a_name_that_has_room_is_not_shortened(length: int) -> None:
    assert "n" * length in texts(plots.bars([{"name": "n" * length, "value": 1}], CAPTION))


def test_too_many_bars_are_cut_and_the_note_says_so() -> None:
    drawing = plots.bars([{"name": str(i), "value": i} for i in range(60)], CAPTION)

    assert drawing is not None
    assert drawing.note == "The first 40 of 60 are drawn."


def test_a_limit_is_drawn_and_named() -> None:
    assert "quota 400 calls" in texts(
        plots.bars([{"name": "a", "value": 1}], CAPTION, "calls", [{"name": "quota", "value": 400}])
    )


def test_lines_are_told_apart_by_dashes_and_named_in_the_legend() -> None:
    lines = [{"name": name, "points": [[0, 1], [1, 2]]} for name in ("median", "p99")]
    bands = [{"name": "spread", "points": [[0, 0, 2], [1, 1, 3]]}]

    drawing = plots.series(lines, CAPTION, "ms", bands)

    assert drawing is not None
    assert [name for _, name in drawing.legend] == ["median", "p99", "spread"]
    assert "stroke-dasharray: " in drawing.wide
    assert "ms" in texts(drawing)


def test_a_single_line_needs_no_legend() -> None:
    drawing = plots.series([{"name": "a", "points": [[0, 1], [1, 2]]}], CAPTION)

    assert drawing is not None
    assert drawing.legend == ()


def test_times_are_shown_in_utc() -> None:
    points = [[f"2026-03-01T{hour:02}:00:00+02:00", hour] for hour in range(4, 12)]

    shown = texts(plots.series([{"name": "a", "points": points}], CAPTION))

    assert {"02:00", "09:00"} <= set(shown)
    assert "11:00" not in shown


def test_points_in_any_order_are_joined_in_order_of_x() -> None:
    ordered, shuffled = (
        plots.series([{"name": "a", "points": points}], CAPTION)
        for points in ([[0, 1], [1, 5], [2, 2]], [[2, 2], [0, 1], [1, 5]])
    )

    assert ordered == shuffled


def test_one_point_is_visible() -> None:
    drawing = plots.series([{"name": "a", "points": [[0, 1]]}], CAPTION)

    assert drawing is not None
    assert "<use " in drawing.wide


def test_a_flat_line_of_whole_numbers_has_an_axis_of_whole_numbers_from_0() -> None:
    drawing = plots.series([{"name": "a", "points": [[0, 0], [5, 0]]}], CAPTION)

    assert set(texts(drawing)) & {"−0.05", "0.05", "0.025"} == set()
    assert {"0", "1"} <= set(texts(drawing))


def test_one_point_does_not_stretch_its_axes_to_parts_of_a_unit() -> None:
    drawing = plots.series([{"name": "a", "points": [[0, 12]]}], CAPTION)

    assert not [label for label in texts(drawing) if label.startswith("−")]


def test_a_histogram_says_in_words_where_most_values_lie() -> None:
    drawing = plots.histogram([(0, 5, 2), (5, 10, 7)], CAPTION, "ms", [{"name": "limit", "value": 8}])

    assert drawing is not None
    assert "9 values from 0 ms to 10 ms. Most, 7, lie between 5 ms and 10 ms." in drawing.wide
    assert "limit 8 ms" in texts(drawing)


def test_no_data_is_no_drawing() -> None:
    assert plots.bars([], CAPTION) is None
    assert plots.series([{"name": "a", "points": []}], CAPTION) is None
    assert plots.histogram([], CAPTION) is None
    assert plots.sparkline([]) == ""


def test_a_sparkline_spans_its_box_and_says_its_values() -> None:
    drawn = plots.sparkline([1, 3, 2])

    assert 'points="2.0,20.0 48.0,4.0 94.0,12.0"' in drawn
    assert "3 values: first 1, last 2, lowest 1, highest 3" in drawn


def test_a_flat_sparkline_lies_in_the_middle() -> None:
    assert 'points="2.0,12.0 94.0,12.0"' in plots.sparkline([7, 7])


def test_a_page_without_plots_never_imports_matplotlib() -> None:
    import subprocess

    code = (
        "import sys; sys.path.insert(0, 'plugins/module_utils')\n"
        "from fleetlib.report import page, store\n"
        "page.index_page([])\n"
        "sys.exit('matplotlib' in sys.modules or 'numpy' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
