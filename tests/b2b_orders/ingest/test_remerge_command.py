"""`manage.py remerge`: history merged again, in pieces, while everything else goes on."""

from __future__ import annotations

import io
import re

import pytest
from django.core.management import CommandError, call_command

from b2b_orders.ingest.models import Connection
from b2b_orders.orders import remerging
from b2b_orders.orders.models import Order, OrderNumber, SourceRecord
from b2b_orders.orders.services import store_readings
from b2b_orders.orders.statuses import put_rule
from erp_bridge.records import Fulfilment, Party, System
from tests.factories import NOW, make_erp_record, make_reading, make_vtex_record

pytestmark = pytest.mark.django_db


def store(*records, company=None):
    store_readings(
        connection="loja" if records[0].system is System.VTEX else "erp",
        readings=[make_reading(record) for record in records],
        now=NOW,
        company_id=company.pk if company else None,
    )


@pytest.fixture
def history(cast):
    """Three web orders, each with one of the ERP, in a connection that is known."""
    Connection.objects.create(
        name="erp", kind="b2b_orders_v1", secret=b"", created_at=NOW, changed_at=NOW
    )
    for n in range(3):
        web = f"117{n:010d}-01"
        store(make_vtex_record(web))
        store(
            make_erp_record(
                str(n), web_numbers=(web,), fulfilment=Fulfilment.UNMAPPED, status_raw="Saiu"
            ),
            company=cast.alfa,
        )
    return cast


def run(*args):
    out = io.StringIO()
    call_command("remerge", *args, stdout=out)
    return out.getvalue()


def spoil():
    """Write by hand what a merge would write otherwise."""
    OrderNumber.objects.all().delete()
    SourceRecord.objects.update(match_keys=[], status_key="")
    Order.objects.update(draft_hash="", fulfilment="placed")


def test_everything_is_made_again(history):
    spoil()

    said = run()

    assert "6 records merged again, 3 orders changed" in said
    assert set(Order.objects.values_list("fulfilment", "origins")) == {("unmapped", "erp+vtex")}
    assert OrderNumber.objects.filter(kind="erp").count() == 3
    assert set(SourceRecord.objects.filter(system="erp").values_list("status_key")) == {("saiu",)}
    assert "6 records merged again, 0 orders changed" in run()


def test_a_dry_run_counts_what_would_change_and_changes_nothing(history):
    spoil()

    said = run("--dry-run")

    assert "6 records merged again, 3 orders would change" in said
    assert not OrderNumber.objects.exists()


def test_only_what_carries_a_word_is_merged_again(history):
    put_rule(connection="erp", raw="saiu", fulfilment="shipped", person_id=None, now=NOW)
    store(make_erp_record("99"), company=history.alfa)

    said = run("--connection", "erp", "--status", "SAIU")

    assert "6 records merged again, 3 orders changed" in said
    assert set(Order.objects.exclude(title="99").values_list("fulfilment")) == {("shipped",)}


def test_only_a_company_or_what_was_placed_since_a_day_is_merged_again(history):
    store(make_vtex_record("beta-0001-01", customer=Party("Beta", "12ABC34501DE35")))

    assert "1 records merged again" in run("--company", "beta comércio")
    assert "0 records merged again" in run("--since", "2026-03-11")
    assert "7 records merged again" in run("--since", "2026-03-10")


def test_it_goes_on_where_it_stopped(history, monkeypatch):
    monkeypatch.setattr(remerging, "BATCH", 1)
    spoil()
    steps = remerging.remerge_all(wanted=remerging.Wanted(), now=NOW)
    first = next(steps)
    steps.close()
    assert Order.objects.filter(fulfilment="unmapped").count() == 1

    said = run("--from-id", str(first.last_id))

    assert "4 records merged again, 2 orders changed" in said
    assert Order.objects.filter(fulfilment="unmapped").count() == 3


def test_a_person_who_stops_it_is_told_how_to_go_on(history, monkeypatch):
    monkeypatch.setattr(remerging, "BATCH", 1)
    first = SourceRecord.objects.order_by("id")[0]

    def press_ctrl_c(_ticker, count=1):
        assert count == 1
        raise KeyboardInterrupt

    monkeypatch.setattr("b2b_orders.ingest.progress.Ticker.step", press_ctrl_c)
    with pytest.raises(CommandError) as caught:
        run()

    assert caught.value.returncode == 130
    assert str(caught.value) == (
        f"Stopped after 2 records, 0 orders changed. Go on with --from-id {first.pk}"
    )


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--status", "Saiu"), "--status: name the --connection"),
        (("--connection", "nowhere"), "--connection: "),
        (("--company", "Nobody"), "--company: there is no company"),
        (("--since", "yesterday"), "--since: 'yesterday' is not a day"),
    ],
)
def test_what_it_cannot_use_is_said_at_its_flag(db, args, said):
    with pytest.raises(CommandError, match=re.escape(said)):
        run(*args)


def test_the_estimate_counts_an_order_once(history):
    assert remerging.estimate(remerging.Wanted()) == 3
    assert remerging.estimate(remerging.Wanted(connection="erp", status="saiu")) == 3
    assert remerging.estimate(remerging.Wanted(from_id=10**9)) == 0
