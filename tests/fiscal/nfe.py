"""Makes NF-e, CT-e and event files with whatever trait a test needs; really signed.

The key that signs is made anew in every test run. Nothing here is a real company's.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from xml.sax.saxutils import escape, quoteattr

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from lxml import etree

from erp_bridge.identifiers import check_digit_mod11
from tests.fiscal.pdf import build_boleto, build_pdf, build_slip  # noqa: F401

EMITTER = "11222333000181"
RECIPIENT = "12345678000195"
BRANCH = "12345678000276"
SAME_ROOT = "12345678009900"
STRANGER = "99902002000133"
CARRIER = "99904004000161"
PERSON = "52998224725"

NFE = "http://www.portalfiscal.inf.br/nfe"
CTE = "http://www.portalfiscal.inf.br/cte"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
UTF8 = '<?xml version="1.0" encoding="UTF-8"?>'


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an invoice."""

    code: str = "A-10"
    description: str = "Produto fictício de teste"
    quantity: Decimal = Decimal("2.0000")
    unit_price: Decimal = Decimal("50.0000")
    customer_po: str = ""
    customer_po_item: str = ""

    @property
    def total(self) -> Decimal:
        return round(self.quantity * self.unit_price, 2)


def key_of(
    number: int = 1001,
    series: int = 1,
    emitter: str = EMITTER,
    *,
    model: str = "55",
    year_month: str = "2603",
) -> str:
    """Make an access key with its right check digit."""
    first = f"35{year_month}{emitter:0>14}{model}{series:03d}{number:09d}1{number:08d}"
    return first + check_digit_mod11(first)


# --- NF-e ---------------------------------------------------------------------------------


def build_nfe(
    number: int = 1001,
    *,
    series: int = 1,
    emitter: str = EMITTER,
    emitter_name: str = "VENDEDORA EXEMPLO LTDA",
    recipient: str = RECIPIENT,
    recipient_name: str = "COMPRADORA EXEMPLO S.A.",
    key: str = "",
    issued_at: str = "2026-03-10T10:22:31-03:00",
    environment: str = "1",
    purpose: str = "1",
    items: Sequence[Item] = (Item(),),
    freight: str = "0.00",
    discount: str = "0.00",
    total: str = "",
    installments: Sequence[tuple[str, str, str]] = (),
    customer_po: str = "",
    carrier: str = "",
    freight_mode: str = "0",
    volumes: Sequence[int] = (),
    extra_info: str = "",
    contributor_notes: Mapping[str, str] | None = None,
    delivery: str = "",
    referenced_keys: Sequence[str] = (),
    ibs_cbs: tuple[str, str] | None = None,
    total_with_ibs_cbs: str = "",
    root: str = "nfeProc",
    protocol_status: str = "100",
    protocol_key: str = "",
    protocol_digest: str = "",
    cancelled: bool = False,
    signed: bool = True,
    signer: str = "",
    tampered: tuple[str, str] | None = None,
    indented: bool = False,
    encoding: str = "UTF-8",
    declared: bool = True,
    bom: bool = False,
    doctype: str = "",
) -> bytes:
    """Make an NF-e. `protocol_status=""` leaves the protocol out; `root` may be `NFe`.

    `tampered` is a pair (before, after) of texts, changed once it is signed.
    """
    key = key or key_of(number, series, emitter, year_month=issued_at[2:4] + issued_at[5:7])
    products = sum((item.total for item in items), Decimal())
    total = total or str(products + Decimal(freight) - Decimal(discount))
    inside = "".join(
        (
            _ide(key, number, series, issued_at, environment, purpose, referenced_keys),
            _emitter(emitter, emitter_name),
            _recipient(recipient, recipient_name),
            _delivery(delivery),
            *(_det(at, item, ibs_cbs) for at, item in enumerate(items, 1)),
            _totals(products, freight, discount, total, ibs_cbs, total_with_ibs_cbs),
            _transport(freight_mode, carrier, volumes),
            _billing(number, total, installments),
            f"<pag><detPag><indPag>1</indPag><tPag>15</tPag><vPag>{total}</vPag></detPag></pag>",
            _extra(extra_info, contributor_notes or {}),
            f"<compra><xPed>{escape(customer_po)}</xPed></compra>" if customer_po else "",
        )
    )
    note = (
        f'<NFe xmlns="{NFE}"><infNFe versao="4.00" Id="NFe{key}">{inside}</infNFe>'
        "<!--signature--></NFe>"
    )
    note, digest = _with_signature(note, "infNFe", f"NFe{key}", signer or emitter, signed=signed)
    if tampered is not None:
        assert tampered[0] in note
        note = note.replace(*tampered, 1)
    proof = _protocol(
        "NFe", protocol_key or key, protocol_status, protocol_digest or digest, issued_at
    )
    answer = _answer(key, "110111", "135", issued_at) if cancelled else ""
    whole = note
    if root != "NFe":
        whole = f'<{root} versao="4.00" xmlns="{NFE}">{note}{proof}{answer}</{root}>'
    return _encoded(whole, encoding, declared=declared, bom=bom, doctype=doctype, indented=indented)


def _party(tax_id: str) -> str:
    name = "CPF" if len(tax_id) == 11 else "CNPJ"
    return f"<{name}>{tax_id}</{name}>" if tax_id else ""


def _ide(
    key: str,
    number: int,
    series: int,
    issued_at: str,
    environment: str,
    purpose: str,
    referenced: Sequence[str],
) -> str:
    refs = "".join(f"<NFref><refNFe>{ref}</refNFe></NFref>" for ref in referenced)
    return (
        f"<ide><cUF>35</cUF><cNF>{key[35:43]}</cNF><natOp>Venda de mercadoria</natOp><mod>55</mod>"
        f"<serie>{series}</serie><nNF>{number}</nNF><dhEmi>{issued_at}</dhEmi><tpNF>1</tpNF>"
        "<idDest>2</idDest><cMunFG>3550308</cMunFG><tpImp>1</tpImp><tpEmis>1</tpEmis>"
        f"<cDV>{key[43:]}</cDV><tpAmb>{environment}</tpAmb><finNFe>{purpose}</finNFe>"
        "<indFinal>0</indFinal><indPres>9</indPres><indIntermed>0</indIntermed>"
        f"<procEmi>0</procEmi><verProc>teste 1.0</verProc>{refs}</ide>"
    )


def _emitter(tax_id: str, name: str) -> str:
    return (
        f"<emit>{_party(tax_id)}<xNome>{escape(name)}</xNome><enderEmit><xLgr>Rua de Exemplo</xLgr>"
        "<nro>100</nro><xBairro>Centro</xBairro><cMun>3550308</cMun><xMun>Sao Paulo</xMun>"
        "<UF>SP</UF><CEP>01001000</CEP></enderEmit><IE>110042490114</IE><CRT>3</CRT></emit>"
    )


def _recipient(tax_id: str, name: str) -> str:
    return (
        f"<dest>{_party(tax_id)}<xNome>{escape(name)}</xNome><enderDest><xLgr>Avenida</xLgr>"
        "<nro>200</nro><xBairro>Centro</xBairro><cMun>3304557</cMun><xMun>Rio de Janeiro</xMun>"
        "<UF>RJ</UF><CEP>20040002</CEP></enderDest><indIEDest>1</indIEDest><IE>99999993</IE></dest>"
    )


def _delivery(tax_id: str) -> str:
    if not tax_id:
        return ""
    return (
        f"<entrega>{_party(tax_id)}<xLgr>Rua da Entrega</xLgr><nro>9</nro><xBairro>Distrito"
        "</xBairro><cMun>3106200</cMun><xMun>Belo Horizonte</xMun><UF>MG</UF></entrega>"
    )


def _det(at: int, item: Item, ibs_cbs: tuple[str, str] | None) -> str:
    po = f"<xPed>{escape(item.customer_po)}</xPed>" if item.customer_po else ""
    po += f"<nItemPed>{item.customer_po_item}</nItemPed>" if item.customer_po_item else ""
    return (
        f'<det nItem="{at}"><prod><cProd>{escape(item.code)}</cProd><cEAN>SEM GTIN</cEAN>'
        f"<xProd>{escape(item.description)}</xProd><NCM>84713012</NCM><CFOP>6102</CFOP>"
        f"<uCom>UN</uCom><qCom>{item.quantity}</qCom><vUnCom>{item.unit_price}</vUnCom>"
        f"<vProd>{item.total}</vProd><cEANTrib>SEM GTIN</cEANTrib><uTrib>UN</uTrib>"
        f"<qTrib>{item.quantity}</qTrib><vUnTrib>{item.unit_price}</vUnTrib><indTot>1</indTot>{po}"
        "</prod><imposto><ICMS><ICMS00><orig>0</orig><CST>00</CST><modBC>3</modBC>"
        f"<vBC>{item.total}</vBC><pICMS>18.0000</pICMS><vICMS>0.00</vICMS></ICMS00></ICMS>"
        "<PIS><PISNT><CST>07</CST></PISNT></PIS><COFINS><COFINSNT><CST>07</CST></COFINSNT></COFINS>"
        f"</imposto></det>"
    )


def _totals(
    products: Decimal,
    freight: str,
    discount: str,
    total: str,
    ibs_cbs: tuple[str, str] | None,
    with_ibs_cbs: str,
) -> str:
    zeros = "".join(f"<{n}>0.00</{n}>" for n in ("vII", "vIPI", "vIPIDevol", "vPIS", "vCOFINS"))
    reform = ""
    if ibs_cbs:
        ibs, cbs = ibs_cbs
        reform = (
            f"<IBSCBSTot><vBCIBSCBS>{products}</vBCIBSCBS><gIBS><gIBSUF><vDif>0.00</vDif><vDevTrib>"
            f"0.00</vDevTrib><vIBSUF>{ibs}</vIBSUF></gIBSUF><gIBSMun><vDif>0.00</vDif><vDevTrib>"
            f"0.00</vDevTrib><vIBSMun>0.00</vIBSMun></gIBSMun><vIBS>{ibs}</vIBS><vCredPres>0.00"
            "</vCredPres><vCredPresCondSus>0.00</vCredPresCondSus></gIBS><gCBS><vDif>0.00</vDif>"
            f"<vDevTrib>0.00</vDevTrib><vCBS>{cbs}</vCBS><vCredPres>0.00</vCredPres>"
            "<vCredPresCondSus>0.00</vCredPresCondSus></gCBS></IBSCBSTot>"
        )
    if with_ibs_cbs:
        reform += f"<vNFTot>{with_ibs_cbs}</vNFTot>"
    return (
        f"<total><ICMSTot><vBC>{products}</vBC><vICMS>0.00</vICMS><vICMSDeson>0.00</vICMSDeson>"
        "<vFCP>0.00</vFCP><vBCST>0.00</vBCST><vST>0.00</vST><vFCPST>0.00</vFCPST><vFCPSTRet>0.00"
        f"</vFCPSTRet><vProd>{products}</vProd><vFrete>{freight}</vFrete><vSeg>0.00</vSeg>"
        f"<vDesc>{discount}</vDesc>{zeros}<vOutro>0.00</vOutro><vNF>{total}</vNF></ICMSTot>"
        f"{reform}</total>"
    )


def _transport(mode: str, carrier: str, volumes: Sequence[int]) -> str:
    who = (
        f"<transporta><CNPJ>{CARRIER}</CNPJ><xNome>{escape(carrier)}</xNome></transporta>"
        if carrier
        else ""
    )
    boxes = "".join(f"<vol><qVol>{count}</qVol><esp>CAIXA</esp></vol>" for count in volumes)
    return f"<transp><modFrete>{mode}</modFrete>{who}{boxes}</transp>"


def _billing(number: int, total: str, installments: Sequence[tuple[str, str, str]]) -> str:
    if not installments:
        return ""
    dups = "".join(
        f"<dup><nDup>{name}</nDup><dVenc>{due}</dVenc><vDup>{amount}</vDup></dup>"
        for name, due, amount in installments
    )
    bill = (
        f"<fat><nFat>{number}</nFat><vOrig>{total}</vOrig><vDesc>0.00</vDesc>"
        f"<vLiq>{total}</vLiq></fat>"
    )
    return f"<cobr>{bill}{dups}</cobr>"


def _extra(text: str, notes: Mapping[str, str]) -> str:
    if not text and not notes:
        return ""
    info = f"<infCpl>{escape(text)}</infCpl>" if text else ""
    noted = "".join(
        f"<obsCont xCampo={quoteattr(name)}><xTexto>{escape(value)}</xTexto></obsCont>"
        for name, value in notes.items()
    )
    return f"<infAdic>{info}{noted}</infAdic>"


def _protocol(of: str, key: str, status: str, digest: str, at: str) -> str:
    if not status:
        return ""
    digest = f"<digVal>{digest}</digVal>" if digest else ""
    return (
        f'<prot{of} versao="4.00"><infProt><tpAmb>1</tpAmb><verAplic>SP_TESTE</verAplic>'
        f"<ch{of}>{key}</ch{of}><dhRecbto>{at}</dhRecbto><nProt>135260000000001</nProt>{digest}"
        f"<cStat>{status}</cStat><xMotivo>Teste</xMotivo></infProt></prot{of}>"
    )


# --- events -------------------------------------------------------------------------------


def build_event(
    key: str = "",
    *,
    event_type: str = "110111",
    sequence: int = 1,
    author: str = EMITTER,
    event_at: str = "2026-03-11T09:00:00-03:00",
    registered_at: str = "2026-03-11T09:00:21-03:00",
    status: str = "135",
    answer_key: str = "",
    correction: str = "Onde se lê A, leia-se B.",
    signed: bool = True,
    tampered: tuple[str, str] | None = None,
) -> bytes:
    """Make an event of an NF-e with the authority's answer; `status=""` leaves it out."""
    key = key or key_of()
    names = {"110110": "Carta de Correcao", "110111": "Cancelamento"}
    detail = (
        f"<xCorrecao>{escape(correction)}</xCorrecao><xCondUso>Condicoes</xCondUso>"
        if event_type == "110110"
        else "<nProt>135260000000001</nProt><xJust>Pedido em duplicidade</xJust>"
    )
    own_id = f"ID{event_type}{key}{sequence:02d}"
    event = (
        f'<evento xmlns="{NFE}" versao="1.00"><infEvento Id="{own_id}"><cOrgao>35</cOrgao>'
        f"<tpAmb>1</tpAmb>{_party(author)}<chNFe>{key}</chNFe><dhEvento>{event_at}</dhEvento>"
        f"<tpEvento>{event_type}</tpEvento><nSeqEvento>{sequence}</nSeqEvento>"
        f'<verEvento>1.00</verEvento><detEvento versao="1.00"><descEvento>'
        f"{names.get(event_type, 'Evento')}</descEvento>{detail}</detEvento></infEvento>"
        "<!--signature--></evento>"
    )
    event, _ = _with_signature(event, "infEvento", own_id, author, signed=signed)
    if tampered is not None:
        assert tampered[0] in event
        event = event.replace(*tampered, 1)
    answer = _answer(answer_key or key, event_type, status, registered_at, sequence)
    whole = f'<procEventoNFe versao="1.00" xmlns="{NFE}">{event}{answer}</procEventoNFe>'
    return (UTF8 + whole).encode()


def _answer(key: str, event_type: str, status: str, at: str, sequence: int = 1) -> str:
    if not status:
        return ""
    return (
        '<retEvento versao="1.00"><infEvento><tpAmb>1</tpAmb><verAplic>SP</verAplic>'
        f"<cOrgao>35</cOrgao><cStat>{status}</cStat><xMotivo>Teste</xMotivo><chNFe>{key}</chNFe>"
        f"<tpEvento>{event_type}</tpEvento><nSeqEvento>{sequence}</nSeqEvento>"
        f"<dhRegEvento>{at}</dhRegEvento><nProt>135260000000002</nProt></infEvento></retEvento>"
    )


# --- CT-e ---------------------------------------------------------------------------------


def build_cte(
    number: int = 31245,
    *,
    emitter: str = CARRIER,
    sender: str = EMITTER,
    recipient: str = RECIPIENT,
    receiver: str = "",
    payer: str = "0",
    invoice_keys: Sequence[str] | None = None,
    issued_at: str = "2026-03-12T18:20:00-03:00",
    environment: str = "1",
    service_total: str = "248.90",
    cargo_value: str = "3714.11",
    key: str = "",
    root: str = "cteProc",
    protocol_status: str = "100",
    protocol_key: str = "",
    signed: bool = True,
    tampered: tuple[str, str] | None = None,
) -> bytes:
    """Make a CT-e. `payer` is 0 to 3 (sender, dispatcher, receiver, recipient) or a tax id."""
    key = key or key_of(number, 1, emitter, model="57", year_month=issued_at[2:4] + issued_at[5:7])
    keys = [key_of()] if invoice_keys is None else invoice_keys
    paid_by = (
        f"<toma3><toma>{payer}</toma></toma3>"
        if len(payer) == 1
        else f"<toma4><toma>4</toma>{_party(payer)}</toma4>"
    )
    carried = "".join(f"<infNFe><chave>{one}</chave></infNFe>" for one in keys)
    inside = (
        f"<ide><cUF>35</cUF><cCT>{key[35:43]}</cCT><CFOP>6353</CFOP><natOp>Transporte</natOp>"
        f"<mod>57</mod><serie>1</serie><nCT>{number}</nCT><dhEmi>{issued_at}</dhEmi>"
        f"<tpImp>1</tpImp><tpEmis>1</tpEmis><cDV>{key[43:]}</cDV><tpAmb>{environment}</tpAmb>"
        f"<tpCTe>0</tpCTe><modal>01</modal><tpServ>0</tpServ>{paid_by}</ide>"
        f"<emit><CNPJ>{emitter}</CNPJ><xNome>TRANSPORTADORA EXEMPLO LTDA</xNome></emit>"
        f"<rem>{_party(sender)}<xNome>VENDEDORA EXEMPLO LTDA</xNome></rem>"
        + (f"<receb>{_party(receiver)}<xNome>RECEBEDORA</xNome></receb>" if receiver else "")
        + f"<dest>{_party(recipient)}<xNome>COMPRADORA EXEMPLO S.A.</xNome></dest>"
        f"<vPrest><vTPrest>{service_total}</vTPrest><vRec>{service_total}</vRec></vPrest>"
        f"<infCTeNorm><infCarga><vCarga>{cargo_value}</vCarga><proPred>Produtos</proPred>"
        f"</infCarga><infDoc>{carried}</infDoc></infCTeNorm>"
    )
    note = (
        f'<CTe xmlns="{CTE}"><infCte versao="4.00" Id="CTe{key}">{inside}</infCte>'
        "<!--signature--></CTe>"
    )
    note, digest = _with_signature(note, "infCte", f"CTe{key}", emitter, signed=signed)
    if tampered is not None:
        assert tampered[0] in note
        note = note.replace(*tampered, 1)
    if root == "CTe":
        return (UTF8 + note).encode()
    proof = _protocol("CTe", protocol_key or key, protocol_status, digest, issued_at)
    return f'{UTF8}<{root} versao="4.00" xmlns="{CTE}">{note}{proof}</{root}>'.encode()


# --- signing and writing ------------------------------------------------------------------


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def _certificate(tax_id: str) -> str:
    """Make a certificate named as e-CNPJ ones are: `NAME:CNPJ`."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"TESTE SEM VALIDADE:{tax_id}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 12, 31, tzinfo=UTC))
        .sign(_key(), hashes.SHA256())
    )
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def _canonical(text: str) -> bytes:
    return etree.tostring(etree.fromstring(text), method="c14n")


def _with_signature(
    note: str, signed_tag: str, own_id: str, signer: str, *, signed: bool
) -> tuple[str, str]:
    """Put a signature where its comment stands; hand back the digest, too ("" unsigned)."""
    if not signed:
        return note.replace("<!--signature-->", ""), ""
    whole = etree.fromstring(note)
    namespace = etree.QName(whole).namespace
    inner = etree.tostring(whole.find(f"{{{namespace}}}{signed_tag}"), encoding="unicode")
    inner = inner.removesuffix("<!--signature-->")
    sha1 = hashlib.sha1(_canonical(inner), usedforsecurity=False)
    digest = base64.b64encode(sha1.digest()).decode()
    info = (
        f'<CanonicalizationMethod Algorithm="{C14N}"/><SignatureMethod Algorithm="{DSIG}rsa-sha1"/>'
        f'<Reference URI="#{own_id}"><Transforms><Transform Algorithm="{DSIG}enveloped-signature"/>'
        f'<Transform Algorithm="{C14N}"/></Transforms><DigestMethod Algorithm="{DSIG}sha1"/>'
        f"<DigestValue>{digest}</DigestValue></Reference></SignedInfo>"
    )
    signature = _key().sign(
        _canonical(f'<SignedInfo xmlns="{DSIG}">{info}'), padding.PKCS1v15(), hashes.SHA1()
    )
    value = base64.b64encode(signature).decode()
    block = (
        f'<Signature xmlns="{DSIG}"><SignedInfo>{info}<SignatureValue>{value}</SignatureValue>'
        f"<KeyInfo><X509Data><X509Certificate>{_certificate(signer)}</X509Certificate></X509Data>"
        "</KeyInfo></Signature>"
    )
    return note.replace("<!--signature-->", block), digest


def _encoded(
    whole: str, encoding: str, *, declared: bool, bom: bool, doctype: str, indented: bool
) -> bytes:
    if indented:
        tree = etree.fromstring(whole)
        etree.indent(tree)
        whole = etree.tostring(tree, encoding="unicode")
    prolog = f'<?xml version="1.0" encoding="{encoding}"?>' if declared else ""
    return (b"\xef\xbb\xbf" if bom else b"") + (prolog + doctype + whole).encode(encoding)
