"""GET /api/v1/sources: what the freshness line of every page says."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from b2b_orders.ingest.models import Connection
from tests.factories import NOW

URL = "/api/v1/sources"


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def sources(db):
    common = {"settings": {}, "secret": b"", "created_at": NOW, "changed_at": NOW}
    Connection.objects.create(
        name="loja", kind="vtex", label="Loja", last_success_at=NOW, last_error="x", **common
    )
    Connection.objects.create(name="erp", kind="b2b_orders_v1", label="ERP", **common)


@pytest.mark.parametrize("who", ["ana", "suzana", "teo", "olga"])
def test_whoever_is_signed_in_reads_how_old_the_data_is(client_for, cast, sources, who):
    response = client_for(getattr(cast, who)).get(URL)

    assert response.json() == {
        "results": [
            {
                "connection": "erp",
                "label": "ERP",
                "system": "erp",
                "state": "never",
                "as_of": None,
                "down_since": None,
            },
            {
                "connection": "loja",
                "label": "Loja",
                "system": "vtex",
                "state": "ok",
                "as_of": "2026-03-10T13:00:00Z",
                "down_since": None,
            },
        ]
    }


def test_a_rehearsed_outage_reads_like_a_real_one(client_for, cast, sources):
    Connection.objects.filter(name="loja").update(
        outage_since=NOW, outage_until=NOW + timedelta(minutes=5)
    )

    loja = client_for(cast.ana).get(URL).json()["results"][1]

    assert (loja["state"], loja["down_since"]) == ("down", "2026-03-10T13:00:00Z")
    assert "rehears" not in str(loja)


def test_nobody_reads_it_without_logging_in(client, sources):
    assert client.get(URL).status_code in {401, 403}


def test_a_parameter_that_there_is_not_is_refused(client_for, cast, sources):
    assert client_for(cast.ana).get(URL, {"state": "down"}).status_code == 400


def test_it_cannot_be_written(client_for, cast, sources):
    assert client_for(cast.ana).post(URL).status_code == 405
