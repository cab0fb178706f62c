from __future__ import annotations

import pytest

from b2b_orders.common.tenancy import WEB, scope
from b2b_orders.companies.models import Company
from b2b_orders.documents.models import Document
from b2b_orders.ingest.documents_source import ConnectionDocuments
from b2b_orders.ingest.models import Connection
from erp_bridge.connector import Call, Purpose
from erp_bridge.errors import BridgeError, CredentialsRejected, NotFound, Refused, Unreachable
from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.world import O1
from tests.b2b_orders.ingest.conftest import run_sync

pytestmark = pytest.mark.django_db


def read(company: Company, connection: str = "erp", key: str = "", order: str = "") -> bytes:
    source = ConnectionDocuments()
    call = Call.within(10, Purpose.INTERACTIVE)
    order = order or O1.erp_number
    with (
        scope(role=WEB, company_id=company.pk),
        source.open(connection, company.pk, order, key, call) as stream,
    ):
        return b"".join(stream.chunks)


@pytest.fixture
def xml_key(erp: Connection, companies: dict[str, Company]) -> str:
    run_sync(erp)
    listed = Document.objects.filter(record__external_id=O1.erp_number, kind="nfe_xml")
    return listed.earliest("position").key


def test_a_file_comes_from_the_connection_that_listed_it(
    companies: dict[str, Company], xml_key: str
):
    assert b"<NFe" in read(companies["alfa"], key=xml_key)


def test_one_setting_says_how_large_a_file_may_be(
    companies: dict[str, Company], xml_key: str, settings
):
    whole = read(companies["alfa"], key=xml_key)

    settings.PORTAL_DOCUMENT_MAX_BYTES = len(whole)
    assert read(companies["alfa"], key=xml_key) == whole
    settings.PORTAL_DOCUMENT_MAX_BYTES = len(whole) - 1
    with pytest.raises(Refused):
        read(companies["alfa"], key=xml_key)


def test_another_companys_file_is_not_there(companies: dict[str, Company], xml_key: str):
    with pytest.raises(NotFound):
        read(companies["beta"], key=xml_key)


def test_a_source_that_is_left_alone_is_not_asked(
    companies: dict[str, Company], xml_key: str, erp_sim: ErpSimulator
):
    row = Connection.objects.get()
    Connection.objects.update(failures=9, retry_at=row.changed_at.replace(year=2999))
    erp_sim.reset()

    with pytest.raises(Unreachable):
        read(companies["alfa"], key=xml_key)

    assert len(erp_sim.log) == 0


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"is_enabled": False}, NotFound),
        ({"kind": "vtex"}, NotFound),
        ({"settings": {"endpoint": "ftp://x"}}, CredentialsRejected),
        ({"name": "other"}, NotFound),
    ],
)
def test_a_connection_that_is_of_no_use_is_an_error_of_the_source(
    change: dict[str, object],
    error: type[BridgeError],
    erp: Connection,
    companies: dict[str, Company],
):
    Connection.objects.update(**change)

    with pytest.raises(error):
        read(companies["alfa"], key="x")


def test_a_company_that_the_erp_does_not_know_is_not_asked_for(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    companies["alfa"].customer_ids.all().delete()

    with pytest.raises(NotFound):
        read(companies["alfa"], key="x")

    assert len(erp_sim.log) == 0
