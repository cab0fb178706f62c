"""/metrics: for whoever has the token; to everybody else there is no such address."""

from __future__ import annotations

import pytest
from django.test import Client

from b2b_orders.ingest.models import Connection

TOKEN = "f3b1-metrics"


def scrape(client: Client, authorization: str | None = f"Bearer {TOKEN}"):
    headers = {"Authorization": authorization} if authorization is not None else {}
    return client.get("/metrics", headers=headers)


@pytest.fixture
def _token(settings) -> None:
    settings.PORTAL_METRICS_TOKEN = TOKEN


@pytest.mark.usefixtures("_token", "sources")
def test_the_token_opens_the_figures(client):
    response = scrape(client)

    assert response.status_code == 200
    assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response["Cache-Control"] == "no-store"
    assert b'b2b_orders_source_up{connection="erp"} 1.0\n' in response.content
    assert response.cookies == {}


@pytest.mark.usefixtures("_token", "db")
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", TOKEN, f"bearer {TOKEN}", f"Bearer {TOKEN} "],
)
def test_without_the_right_token_there_is_no_such_address(client, authorization):
    if authorization == f"Bearer {TOKEN} ":
        authorization = f"Bearer {TOKEN}x"

    assert scrape(client, authorization).status_code == 404


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("authorization", ["Bearer ", "Bearer", None, f"Bearer {TOKEN}"])
def test_an_installation_without_a_token_has_no_such_address(client, settings, authorization):
    settings.PORTAL_METRICS_TOKEN = ""

    assert scrape(client, authorization).status_code == 404


@pytest.mark.usefixtures("_token", "sources")
def test_being_signed_in_opens_nothing(client_for, cast):
    assert scrape(client_for(cast.olga), None).status_code == 404


@pytest.mark.usefixtures("_token", "sources")
def test_a_scrape_costs_the_same_whatever_there_is(client, django_assert_max_num_queries):
    common = {"settings": {}, "secret": b"", "created_at": "2026-03-10T00:00Z"}
    for number in range(5):
        Connection.objects.create(
            name=f"more{number}", kind="vtex", changed_at="2026-03-10T00:00Z", **common
        )

    # A savepoint and the role, six statements for connections, seven for lists, two for seals.
    with django_assert_max_num_queries(20):
        scrape(client)
