"""The systems of a sheet as one axis: places on pages as one number, and back; the strip is its picture."""

from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from msmdtools.paper.axis import axis_of, system_boxes
from msmdtools.paper.staff_height import STAFF_HEIGHT
from msmdtools.paper.strip import unroll

# Page, system, and the box of each staff; out of order, as a table may be. Pages are 100 and 60 px wide.
STAVES = [
    (2, 3, -0.5, 10.0, 70.2, 17.0),
    (1, 1, 20.25, 30.0, 80.5, 37.0),
    (1, 1, 20.75, 10.0, 80.0, 17.0),
    (1, 2, 5.0, 60.0, 95.0, 67.0),
]
USUAL = {1: STAFF_HEIGHT, 2: STAFF_HEIGHT}
PAGES = [np.full((90, 100), 1, np.uint8), np.full((40, 60), 2, np.uint8)]


@pytest.fixture
def sheet():
    systems = pd.DataFrame(STAVES, columns=["page", "system", "x0", "y0", "x1", "y1"])
    return SimpleNamespace(piece="p", pages=PAGES, systems=systems, staff_heights=USUAL)


def test_systems_take_the_columns_that_their_lines_touch_on_their_pages(sheet):
    axis = axis_of(sheet)
    assert (axis.system.tolist(), axis.page.tolist()) == ([1, 2, 3], [1, 1, 2])
    assert axis.lefts.tolist() == [20, 5, 0]
    assert axis.widths.tolist() == [81 - 20, 95 - 5, 60]
    assert axis.begins.tolist() == [0, 61, 151, 211]
    assert axis.length == 211
    assert axis.middles.tolist() == [23.5, 63.5, 13.5]


def test_places_on_the_axis_and_on_the_pages(sheet):
    axis = axis_of(sheet)
    assert axis.strip([1, 3, 2], [20.5, 0.0, 95.0]).tolist() == [0.5, 151.0, 151.0]
    assert axis.strip(2, 10.0) == 66
    places = axis.on_pages([-7.0, 0.5, 60.75, 61.0, 151.0, 500.0])
    assert places.system.tolist() == [1, 1, 1, 2, 3, 3]
    assert places.page.tolist() == [1, 1, 1, 1, 2, 2]
    assert places.x.tolist() == [20.0, 20.5, 80.75, 5.0, 0.0, 60.0]
    assert places.y.tolist() == [23.5, 23.5, 23.5, 63.5, 13.5, 13.5]


def test_a_system_that_is_not_there_has_no_place(sheet):
    for number in (0, 4):
        with pytest.raises(KeyError, match=rf"systems \[{number}\]"):
            axis_of(sheet).strip([1, number], 30.0)


def test_the_strip_is_the_picture_of_the_axis(sheet):
    strip, axis = unroll(sheet, 8, 10), axis_of(sheet)
    for field in fields(axis):
        assert np.array_equal(getattr(strip.axis, field.name), getattr(axis, field.name))
    assert strip.image.shape == (8, 10 + 211 + 10)
    row = strip.image[4]
    assert [row[9], row[10], row[160], row[161], row[220], row[221]] == [255, 1, 1, 2, 2, 255]
    white = strip.window(2, 61.0, 10, "white")[4]
    assert white.tolist() == [255] * 5 + [1] * 5


def test_a_sheet_without_systems_has_an_axis_without_length(sheet):
    sheet.systems = sheet.systems[:0]
    assert len(system_boxes(sheet.systems)) == 0
    axis = axis_of(sheet)
    assert (axis.length, axis.begins.tolist(), len(axis.widths)) == (0, [0], 0)
