"""Heads and cells of lists, and columns that change places."""

from __future__ import annotations

import pytest
from django.utils import translation

from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.columns import Column, allowed_columns
from b2b_orders.portal.presenters.columns import column_choices, heads, moved

VIEWER = Viewer(person_id=1, company_id=1, rights=frozenset(Right))
THREE = (Column.PLACED, Column.TOTAL, Column.STATUS)


def test_a_column_that_can_be_sorted_leads_to_its_sort_and_says_which_it_has():
    sorts = {"total": ("?ordem=total", "descending"), "data": ("?ordem=data", "")}

    found = heads(THREE, sorts)

    assert [(head.url, head.sorted_by) for head in found] == [
        ("?ordem=data", ""),
        ("?ordem=total", "descending"),
        ("", ""),
    ]
    assert [head.url for head in heads(THREE)] == ["", "", ""]


@pytest.mark.parametrize("language", ["pt-br", "es", "en"])
def test_every_column_has_a_name_of_its_own_in_every_language(language):
    with translation.override(language):
        names = [head.text for head in heads(Column)]

    assert len(set(names)) == len(Column)


@pytest.mark.parametrize(
    ("column", "by", "order"),
    [
        (Column.TOTAL, -1, (Column.TOTAL, Column.PLACED, Column.STATUS)),
        (Column.TOTAL, 1, (Column.PLACED, Column.STATUS, Column.TOTAL)),
        (Column.PLACED, -1, THREE),
        (Column.STATUS, 1, THREE),
        (Column.CHANGED, 1, THREE),
    ],
)
def test_a_column_moves_by_one_place_and_not_beyond_the_end(column, by, order):
    assert moved(THREE, column, by=by) == order


def test_all_columns_are_offered_the_chosen_order_first():
    found = column_choices(VIEWER, THREE, [Column.TOTAL], moved="up:data")

    assert [each.name for each in found[:3]] == ["data", "total", "situacao"]
    assert len(found) == len(allowed_columns(VIEWER))
    assert [each.name for each in found if each.is_chosen] == ["total"]
    # What is first cannot go up any more: the focus stays with it all the same.
    assert [(each.name, each.focus) for each in found if each.focus] == [("data", "down")]
