from __future__ import annotations

import json

import pytest

from erp_bridge.vtex.sanitise import sanitise
from tests.erp_bridge.vtex.orders import order


@pytest.mark.parametrize(
    "canary",
    [
        "HELENA P PRADO",
        "4444333322221111",
        "444433",
        '"1111"',
        '"351"',
        "2029",
        "TID-SECRET-1",
        "AUTH-SECRET-2",
        "ACC-SECRET-3",
        "GIFT-CODE-77",
        "6100",
        "ommission",
        "costPrice",
        "seu pedido foi faturado",
        "@",
    ],
)
def test_what_must_never_be_stored_is_gone(canary):
    assert canary in json.dumps(order(), default=float, ensure_ascii=False)
    assert canary not in json.dumps(sanitise(order()), default=float, ensure_ascii=False)


def test_names_are_known_in_any_spelling_and_at_any_depth():
    payload = {
        "a": [{"CVV2": "1", "card_number": "2", "Comissao": 3, "commissionValue": 4, "ok": 5}],
        "clientEmail": "x",
        "emailTracked": "x",
        "conversation": {"body": "x"},
    }

    assert sanitise(payload) == {"a": [{"ok": 5}]}


def test_everything_else_stays_and_the_original_is_untouched():
    original = order()

    kept = sanitise(original)

    assert original == order()
    assert kept["paymentData"]["transactions"][1]["payments"][0] == {
        key: value
        for key, value in original["paymentData"]["transactions"][1]["payments"][0].items()
        if key != "connectorResponses"
    }
    assert kept["clientProfileData"]["corporateDocument"] == "12.abc.345/01DE-35"
    assert kept["packageAttachment"] == original["packageAttachment"]
