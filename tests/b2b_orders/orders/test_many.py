"""Many numbers at once: in their order, each once, within what the viewer may see."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.many import ALIKE, MOST, SHOWN, Alike, count_alike, find_many
from b2b_orders.orders.queries import search
from erp_bridge.records import NumberKind
from tests.factories import NOW, make_order

ALL = frozenset(Right)


def viewer(company, **more) -> Viewer:
    return Viewer(person_id=1, company_id=company.pk, rights=ALL, **more)


def found(company, texts, **more):
    answers = find_many(viewer=viewer(company, **more), texts=texts)
    return [(each.text, each.times, [hit.row.title for hit in each.hits]) for each in answers]


@pytest.fixture
def orders(cast):
    make_order(
        cast.alfa,
        (
            (NumberKind.WEB, "1172452900788-01"),
            (NumberKind.ERP, "0004500123"),
            (NumberKind.CUSTOMER, "PO-2026/0815"),
            (NumberKind.INVOICE, "1001/1"),
        ),
    )
    make_order(cast.alfa, ((NumberKind.ERP, "4500987"),), establishment=cast.alfa_branch)
    make_order(cast.beta, ((NumberKind.ERP, "77"), (NumberKind.CUSTOMER, "PO-2026/0815")))


def test_answers_come_in_the_order_given_and_repeated_ones_once(cast, orders):
    texts = ["4500987", "999999", "po 2026 0815", "4500123", "0004500987", "999999", "NF 1001/1"]

    assert found(cast.alfa, texts) == [
        ("4500987", 2, ["4500987"]),
        ("999999", 2, []),
        ("po 2026 0815", 1, ["1172452900788-01"]),
        ("4500123", 1, ["1172452900788-01"]),
        ("NF 1001/1", 1, ["1172452900788-01"]),
    ]


def test_each_order_says_as_which_number_it_was_found(cast, orders):
    answers = find_many(viewer=viewer(cast.alfa), texts=["PO-2026/0815", "1001/1", "1172452900788"])

    assert [hit.kind for each in answers for hit in each.hits] == [
        NumberKind.CUSTOMER,
        NumberKind.INVOICE,
        NumberKind.WEB,
    ]


def test_only_whole_numbers_are_found(cast, orders):
    assert found(cast.alfa, ["450012", "500123", "PO-2026"]) == [
        ("450012", 1, []),
        ("500123", 1, []),
        ("PO-2026", 1, []),
    ]


def test_another_companys_and_another_branchs_orders_are_not_found(cast, orders):
    assert found(cast.beta, ["PO-2026/0815", "4500123"]) == [
        ("PO-2026/0815", 1, ["77"]),
        ("4500123", 1, []),
    ]
    of_branch = frozenset({cast.alfa_branch.pk})
    assert found(cast.alfa, ["4500123", "4500987"], establishment_ids=of_branch) == [
        ("4500123", 1, []),
        ("4500987", 1, ["4500987"]),
    ]


def test_a_number_of_many_orders_lists_the_newest_and_says_how_many_more(cast):
    for at in range(SHOWN + 3):
        numbers = ((NumberKind.ERP, f"90{at}"), (NumberKind.CUSTOMER, "OC 1"))
        make_order(cast.alfa, numbers, placed_at=NOW + timedelta(hours=at))

    [answer] = find_many(viewer=viewer(cast.alfa), texts=["OC 1"])

    assert [hit.row.title for hit in answer.hits] == ["907", "906", "905", "904", "903"]
    assert answer.more == 3


def test_five_hundred_numbers_take_two_statements(cast, orders, django_assert_num_queries):
    texts = [*(str(5_000_000 + at) for at in range(MOST - 2)), "4500123", "4500987"]

    with django_assert_num_queries(2):
        answers = find_many(viewer=viewer(cast.alfa), texts=texts)

    assert (len(answers), sum(bool(each.hits) for each in answers)) == (500, 2)


def test_more_than_five_hundred_or_none_are_refused(cast):
    with pytest.raises(InvalidInput, match="too-many-numbers"):
        find_many(viewer=viewer(cast.alfa), texts=["1"] * (MOST + 1))
    with pytest.raises(InvalidInput, match="no-numbers"):
        find_many(viewer=viewer(cast.alfa), texts=[])


@pytest.mark.parametrize("text", ["' OR 1=1 --", "%", "<script>", "x" * 5000, "\u202e1", "----"])
def test_hostile_texts_are_not_found_and_nothing_breaks(cast, orders, text):
    assert found(cast.alfa, [text, "4500123"]) == [
        (text, 1, []),
        ("4500123", 1, ["1172452900788-01"]),
    ]


def alike(seen: Viewer, *texts: str) -> dict[str, Alike]:
    return count_alike(viewer=seen, answers=find_many(viewer=seen, texts=texts))


@pytest.mark.parametrize("rights", [ALL, ALL - {Right.FINANCE}])
def test_what_is_like_a_number_is_what_a_search_for_it_finds(cast, orders, rights):
    make_order(cast.alfa, ((NumberKind.ERP, "1"), (NumberKind.BOLETO_LINE, "34191790010104351004")))
    texts = (
        "450",
        "4500",
        "500123",
        "0815",
        "PO-2026",
        "3419",
        "45",
        "NF 100",
        "888888",
        "4500987",
    )
    of_branch = frozenset({cast.alfa_branch.pk})
    for scope in (None, of_branch):
        seen = replace(viewer(cast.alfa, establishment_ids=scope), rights=rights)
        searched = {text: search(viewer=seen, text=text).count for text in texts}

        assert alike(seen, *texts) == {
            text: Alike(count) for text, count in searched.items() if count and text != "4500987"
        }
    assert alike(viewer(cast.alfa), "4500") == {"4500": Alike(2)}
    assert alike(viewer(cast.beta), "4500") == {}


def test_too_many_that_are_alike_are_not_counted(cast):
    for at in range(ALIKE + 1):
        make_order(cast.alfa, ((NumberKind.ERP, f"88{at:04}"),))

    assert alike(viewer(cast.alfa), "880", "88010") == {"880": Alike(None), "88010": Alike(1)}


def test_five_hundred_that_led_to_nothing_take_one_statement(
    cast, orders, django_assert_num_queries
):
    texts = [str(5_000_000 + at) for at in range(MOST)]
    answers = find_many(viewer=viewer(cast.alfa), texts=texts)

    with django_assert_num_queries(1):
        assert count_alike(viewer=viewer(cast.alfa), answers=answers) == {}


@pytest.mark.parametrize("text", ["' OR 1=1 --", "%%%%", "<script>", "x" * 5000, "\u202e1", "----"])
def test_hostile_texts_are_like_nothing(cast, orders, text):
    assert alike(viewer(cast.alfa), text) == {}
