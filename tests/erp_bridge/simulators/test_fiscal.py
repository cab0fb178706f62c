"""The ERP's fiscal files pass what a reader of real ones asks: schema, signature, protocol."""

from __future__ import annotations

import base64
from datetime import date
from pathlib import Path

import nfelib
import pytest
from cryptography import x509
from lxml import etree
from signxml import (
    DigestAlgorithm,
    InvalidDigest,
    SignatureConfiguration,
    SignatureMethod,
    XMLVerifier,
)

from erp_bridge.identifiers import access_key_parts
from erp_bridge.simulators import files, signing
from erp_bridge.simulators.documents import Document, documents_of
from erp_bridge.simulators.fiscal_events import cte_key
from erp_bridge.simulators.model import LETTERED_TAX_ID, Order
from erp_bridge.simulators.nfe import CARRIER_TAX_ID
from erp_bridge.simulators.world import (
    ALFA_TAX_ID,
    BETA_TAX_ID,
    FOREIGN,
    LETTERED,
    LONG,
    O1,
    O8,
    PAPERLESS,
    REVOKED,
    SELLER,
    World,
    small_world,
)
from tests.erp_bridge.simulators.conftest import STARTED_AT, TODAY

NFE = {"n": "http://www.portalfiscal.inf.br/nfe"}
CTE = {"n": "http://www.portalfiscal.inf.br/cte"}
DSIG = "{http://www.w3.org/2000/09/xmldsig#}"
SCHEMAS = {
    "nfe": "nfe/schemas/v4_0/procNFe_v4.00.xsd",
    "evento": "nfe_evento_cancel/schemas/v1_0/procEventoCancNFe_v1.00.xsd",
    "cce": "nfe_evento_cce/schemas/v1_0/procCCeNFe_v1.00.xsd",
    "cte": "cte/schemas/v4_0/procCTe_v4.00.xsd",
}
Found = tuple[Order, Document, bytes]


class Verifier(XMLVerifier):
    """As real invoices need it: lxml declares an empty namespace that was never signed."""

    excise_empty_xmlns_declarations = True


def verify(root: etree._Element) -> tuple[str, x509.Certificate]:
    """Verify a file's one signature; give what it signs and who signed."""
    (signature,) = root.iter(f"{DSIG}Signature")
    own = etree.fromstring(etree.tostring(signature.getparent(), with_tail=False))
    der = base64.b64decode(signature.findtext(f".//{DSIG}X509Certificate"))
    certificate = x509.load_der_x509_certificate(der)
    wanted = SignatureConfiguration(
        require_x509=True,
        signature_methods=frozenset({SignatureMethod.RSA_SHA1}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA1}),
    )
    result = Verifier().verify(own, x509_cert=certificate, expect_config=wanted, id_attribute="Id")
    return result.signed_xml.get("Id"), certificate


def schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(Path(nfelib.__file__).parent / SCHEMAS[name])))


@pytest.fixture(scope="module")
def world() -> World:
    return small_world(seed_date=TODAY, started_at=STARTED_AT)


def xml_files(world: World, name: str) -> list[Found]:
    return [
        (order, document, files.content(order, erp, document, world.seed_date)[0])
        for order in world.orders
        for erp in order.erp
        for document in documents_of(order, erp, world.seed_date)
        if document.name.startswith(f"{name}-")
    ]


def file_of(world: World, facts, name: str) -> etree._Element:
    order = world.cast[facts.name]
    found = [
        files.content(order, erp, document, world.seed_date)[0]
        for erp in order.erp
        for document in documents_of(order, erp, world.seed_date)
        if document.name == name
    ]
    assert len(found) == 1
    return etree.fromstring(found[0])


def value(root: etree._Element, path: str, names: dict[str, str] = NFE) -> str:
    return root.xpath(f"string({path})", namespaces=names)


@pytest.mark.parametrize(("name", "at_least"), [("nfe", 50), ("cce", 1), ("cte", 2), ("evento", 1)])
def test_every_file_is_valid_by_the_authoritys_schema_and_truly_signed(world, name, at_least):
    found = xml_files(world, name)
    valid = schema(name)

    assert len(found) >= at_least
    for _, document, content in found:
        root = etree.fromstring(content)
        valid.validate(root)
        assert (document.name, list(valid.error_log)) == (document.name, [])
        signed, _ = verify(root)
        assert signed in content.decode()


def test_the_protocol_is_of_what_was_signed(world):
    for _, _, content in xml_files(world, "nfe"):
        root = etree.fromstring(content)
        assert value(root, "//n:protNFe//n:digVal") == root.findtext(f".//{DSIG}DigestValue")
        assert value(root, "//n:protNFe//n:chNFe") == value(root, "//n:infNFe/@Id")[3:]


def test_a_file_changed_after_signing_is_found_out(world):
    (_, _, content), *_ = xml_files(world, "nfe")
    changed = content.replace(b"<qVol>1</qVol>", b"<qVol>2</qVol>")
    assert changed != content

    with pytest.raises(InvalidDigest):
        verify(etree.fromstring(changed))


def test_the_certificate_names_the_emitter_and_that_it_is_worth_nothing(world):
    _, certificate = verify(file_of(world, O1, "nfe-1001-1.xml"))

    names = {attribute.rfc4514_attribute_name: attribute.value for attribute in certificate.subject}
    assert names["CN"] == f"{SELLER.name}:{SELLER.tax_id}"
    assert names["O"] == "CERTIFICADO DE TESTE SEM VALIDADE"
    assert certificate.issuer == certificate.subject


def test_the_same_invoice_gives_the_same_bytes(world):
    again = small_world(seed_date=TODAY, started_at=STARTED_AT)

    assert [content for *_, content in xml_files(world, "nfe")] == [
        content for *_, content in xml_files(again, "nfe")
    ]


def test_no_key_is_made_until_something_is_signed():
    signing._make_key.cache_clear()
    signing._certificate.cache_clear()
    signing._value.cache_clear()

    world = small_world(seed_date=TODAY, started_at=STARTED_AT)
    for order in world.orders:
        for erp in order.erp:
            documents_of(order, erp, world.seed_date)

    assert signing._make_key.cache_info().currsize == 0


def test_order_1_says_the_customers_number_carrier_and_tracking(world):
    root = file_of(world, O1, "nfe-1001-1.xml")

    assert root.xpath("//n:det/n:prod/n:xPed/text()", namespaces=NFE) == ["PO-2026/0815"] * 3
    assert root.xpath("//n:det/n:prod/n:nItemPed/text()", namespaces=NFE) == ["1", "2", "3"]
    assert value(root, "//n:compra/n:xPed") == "PO-2026/0815"
    assert value(root, "//n:transporta/n:CNPJ") == CARRIER_TAX_ID
    assert "Rastreio: TRK10011BR." in value(root, "//n:infCpl")
    assert value(root, "//n:obsCont[@xCampo='pedido_vtex']/n:xTexto") == O1.web_number


def test_order_1_has_a_correction_and_a_carriage_of_its_first_invoice(world):
    key = world.access_keys(O1)["1001/1"]
    correction = file_of(world, O1, "cce-1001-1.xml")
    carriage = file_of(world, O1, "cte-1001-1.xml")

    assert value(correction, "n:evento//n:chNFe") == key
    assert value(correction, "//n:tpEvento") == "110110"
    assert value(correction, "//n:xCorrecao").startswith("Onde se lê")
    assert value(carriage, "//n:infDoc/n:infNFe/n:chave", CTE) == key
    assert value(carriage, "//n:dest/n:CNPJ", CTE) == ALFA_TAX_ID
    invoice = world.cast["O1"].erp[0].invoices[0]
    assert value(carriage, "//n:chCTe", CTE) == cte_key(invoice)
    assert cte_key(invoice)[6:22] == f"{CARRIER_TAX_ID}57"


def test_a_revoked_invoice_has_its_registered_cancellation(world):
    root = file_of(world, REVOKED, "evento-1973-1.xml")

    assert value(root, "n:evento//n:chNFe") == world.access_keys(REVOKED)["1973/1"]
    assert value(root, "//n:tpEvento") == "110111"
    assert value(root, "n:retEvento//n:cStat") == "135"


def test_a_foreign_file_is_of_the_listed_invoice_for_somebody_else(world):
    root = file_of(world, FOREIGN, "nfe-1975-1.xml")

    assert value(root, "//n:infNFe/@Id")[3:] == world.access_keys(FOREIGN)["1975/1"]
    assert value(root, "//n:dest/n:CNPJ") not in {ALFA_TAX_ID, BETA_TAX_ID}
    assert verify(root)[0] == value(root, "//n:infNFe/@Id")


def test_a_key_may_have_letters(world):
    root = file_of(world, LETTERED, "nfe-1976-1.xml")

    key = world.access_keys(LETTERED)["1976/1"]
    assert access_key_parts(key).emitter == LETTERED_TAX_ID
    assert not key.isdigit()
    assert value(root, "//n:dest/n:CNPJ") == BETA_TAX_ID
    assert value(root, "//n:emit/n:CNPJ") == LETTERED_TAX_ID
    assert value(root, "//n:IBSCBSTot/n:vBCIBSCBS") == value(root, "//n:ICMSTot/n:vProd")


def test_an_invoice_of_after_the_reform_carries_its_taxes():
    world = small_world(seed_date=date(2027, 2, 1), started_at=STARTED_AT.replace(year=2027))
    root = file_of(world, PAPERLESS, "nfe-1971-1.xml")

    assert value(root, "//n:dhEmi") > "2026-12-01"
    assert root.xpath("count(//n:det/n:imposto/n:IBSCBS)", namespaces=NFE) == 2
    valid = schema("nfe")
    assert valid.validate(root), valid.error_log
    assert value(file_of(world, O8, "nfe-1801-1.xml"), "//n:IBSCBSTot/n:gCBS/n:vCBS") != ""


def test_long_and_paperless_orders_have_an_xml_and_no_danfe(world):
    for facts, items in ((PAPERLESS, 2), (LONG, 126)):
        order = world.cast[facts.name]
        names = [d.name for d in documents_of(order, order.erp[0], world.seed_date)]
        slug = facts.invoices[0].replace("/", "-")
        assert f"nfe-{slug}.xml" in names
        assert f"danfe-{slug}.pdf" not in names
        root = file_of(world, facts, f"nfe-{slug}.xml")
        assert root.xpath("count(//n:det)", namespaces=NFE) == items
