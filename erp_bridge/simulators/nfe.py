"""The ERP's NF-e: authorised, layout 4.00, signed, true to the order it is of.

The same invoice gives the same bytes for as long as the process lives; the signature is made
when somebody asks for the file.
"""

from __future__ import annotations

from datetime import date
from xml.sax.saxutils import escape, quoteattr

from erp_bridge.simulators import numbers
from erp_bridge.simulators.catalogue import PRODUCTS
from erp_bridge.simulators.model import (
    SELLER,
    ErpOrder,
    Establishment,
    Invoice,
    Item,
    Order,
    Part,
    Place,
    access_key,
    announced_titles,
)
from erp_bridge.simulators.pdfs import DEMO_NOTICE
from erp_bridge.simulators.signing import sign

NAMESPACE = "http://www.portalfiscal.inf.br/nfe"
CARRIER_TAX_ID = numbers.cnpj_with_digits("999004000001")
CARRIER_NAME = "TRANSPORTES VEREDA LTDA"
# From this day on an invoice carries the taxes of the reform, and its DANFE another layout.
REFORM = date(2026, 12, 1)


def nfe_xml(
    order: Order,
    erp: ErpOrder,
    invoice: Invoice,
    today: date,
    *,
    recipient: Establishment | None = None,
) -> bytes:
    """Write an authorised and signed NF-e as one line; with a recipient, somebody else's."""
    key = access_key(invoice)
    rows = [(part, order.items[part.position]) for part in invoice.parts]
    has_reform = _has_reform(invoice)
    details = "".join(
        _detail(at, part, item, order, has_reform=has_reform)
        for at, (part, item) in enumerate(rows, 1)
    )
    goods = sum(item.price * part.quantity for part, item in rows)
    buyer = recipient or order.establishment
    where = buyer.place
    volumes = 1 + len(rows) // 10
    inside = (
        f"<ide><cUF>{SELLER.state_code}</cUF><cNF>{key[35:43]}</cNF>"
        f"<natOp>Venda de mercadoria</natOp><mod>55</mod><serie>{invoice.series}</serie>"
        f"<nNF>{invoice.number}</nNF><dhEmi>{invoice.issued.isoformat()}T09:30:00-03:00</dhEmi>"
        f"<tpNF>1</tpNF><idDest>{1 if where.state == 'SP' else 2}</idDest>"
        f"<cMunFG>{SELLER.place.city_code}</cMunFG><tpImp>1</tpImp><tpEmis>1</tpEmis>"
        f"<cDV>{key[-1]}</cDV><tpAmb>1</tpAmb><finNFe>1</finNFe><indFinal>0</indFinal>"
        "<indPres>9</indPres><indIntermed>0</indIntermed><procEmi>0</procEmi>"
        "<verProc>demo 1.0</verProc></ide>"
        f"{_emitter(invoice)}"
        f"{_recipient(recipient.name if recipient else order.company.name, buyer)}{details}"
        f"{_totals(goods, invoice, [item.price * part.quantity for part, item in rows])}"
        f"<transp><modFrete>0</modFrete><transporta><CNPJ>{CARRIER_TAX_ID}</CNPJ>"
        f"<xNome>{CARRIER_NAME}</xNome></transporta><vol><qVol>{volumes}</qVol>"
        f"<esp>CAIXA</esp><pesoB>{volumes * 12}.500</pesoB></vol></transp>"
        f"{_charges(erp, invoice, today)}{_notes(order, erp, invoice)}"
        f"{_purchase(order.customer_number)}"
    )
    signature, digest = sign(
        f'<infNFe xmlns="{NAMESPACE}" versao="4.00" Id="NFe{key}">{inside}</infNFe>',
        f"NFe{key}",
        holder=SELLER.name,
        tax_id=SELLER.tax_id,
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<nfeProc versao="4.00" xmlns="{NAMESPACE}"><NFe xmlns="{NAMESPACE}">'
        f'<infNFe versao="4.00" Id="NFe{key}">{inside}</infNFe>{signature}</NFe>'
        '<protNFe versao="4.00"><infProt><tpAmb>1</tpAmb><verAplic>DEMO</verAplic>'
        f"<chNFe>{key}</chNFe><dhRecbto>{invoice.issued.isoformat()}T09:30:40-03:00</dhRecbto>"
        f"<nProt>{protocol(invoice)}</nProt><digVal>{digest}</digVal><cStat>100</cStat>"
        "<xMotivo>Autorizado o uso da NF-e</xMotivo></infProt></protNFe></nfeProc>"
    ).encode()


def latin(text: str) -> str:
    """Write a text as the schema wants it: escaped, without outer blanks."""
    return escape(text.strip())


def money(cents: int) -> str:
    """Write an amount with its two decimals."""
    return f"{cents / 100:.2f}"


def _address(tag: str, place: Place) -> str:
    return (
        f"<{tag}><xLgr>{latin(place.street)}</xLgr><nro>{place.number}</nro>"
        f"<xBairro>{latin(place.district)}</xBairro><cMun>{place.city_code}</cMun>"
        f"<xMun>{latin(place.city)}</xMun><UF>{place.state}</UF><CEP>{place.postal_code}</CEP>"
        f"<cPais>1058</cPais><xPais>BRASIL</xPais></{tag}>"
    )


def _emitter(invoice: Invoice) -> str:
    return (
        f"<emit><CNPJ>{invoice.emitter or SELLER.tax_id}</CNPJ><xNome>{latin(SELLER.name)}</xNome>"
        f"{_address('enderEmit', SELLER.place)}<IE>{SELLER.state_inscription}</IE>"
        "<CRT>3</CRT></emit>"
    )


def _recipient(name: str, establishment: Establishment) -> str:
    return (
        f"<dest><CNPJ>{establishment.tax_id}</CNPJ><xNome>{latin(name)}</xNome>"
        f"{_address('enderDest', establishment.place)}<indIEDest>1</indIEDest>"
        f"<IE>{establishment.state_inscription}</IE></dest>"
    )


def _detail(number: int, part: Part, item: Item, order: Order, *, has_reform: bool) -> str:
    product = PRODUCTS[item.product]
    goods = money(item.price * part.quantity)
    purchase = ""
    if order.customer_number:
        purchase = f"<xPed>{latin(order.customer_number[:15])}</xPed><nItemPed>{number}</nItemPed>"
    cfop = "5102" if order.establishment.place.state == "SP" else "6102"
    return (
        f"<det nItem={quoteattr(str(number))}><prod><cProd>{product.reference}</cProd>"
        f"<cEAN>SEM GTIN</cEAN><xProd>{latin(product.name)}</xProd><NCM>84713012</NCM>"
        f"<CFOP>{cfop}</CFOP><uCom>UN</uCom><qCom>{part.quantity}.0000</qCom>"
        f"<vUnCom>{item.price / 100:.4f}</vUnCom><vProd>{goods}</vProd>"
        f"<cEANTrib>SEM GTIN</cEANTrib><uTrib>UN</uTrib><qTrib>{part.quantity}.0000</qTrib>"
        f"<vUnTrib>{item.price / 100:.4f}</vUnTrib><indTot>1</indTot>{purchase}</prod>"
        "<imposto><ICMS><ICMS40><orig>0</orig><CST>41</CST></ICMS40></ICMS>"
        "<PIS><PISNT><CST>07</CST></PISNT></PIS>"
        "<COFINS><COFINSNT><CST>07</CST></COFINSNT></COFINS>"
        f"{_reform(item.price * part.quantity) if has_reform else ''}</imposto></det>"
    )


def _has_reform(invoice: Invoice) -> bool:
    return invoice.issued >= REFORM or bool(invoice.emitter)


def _ibs(cents: int) -> int:
    return (cents + 500) // 1000


def _cbs(cents: int) -> int:
    return (9 * cents + 500) // 1000


def _reform(cents: int) -> str:
    """Write IBS (0.1 %) and CBS (0.9 %) of a line, the rates of the test year."""
    ibs, cbs = money(_ibs(cents)), money(_cbs(cents))
    return (
        "<IBSCBS><CST>000</CST><cClassTrib>000001</cClassTrib>"
        f"<gIBSCBS><vBC>{money(cents)}</vBC>"
        f"<gIBSUF><pIBSUF>0.1000</pIBSUF><vIBSUF>{ibs}</vIBSUF></gIBSUF>"
        "<gIBSMun><pIBSMun>0.0000</pIBSMun><vIBSMun>0.00</vIBSMun></gIBSMun>"
        f"<vIBS>{ibs}</vIBS><gCBS><pCBS>0.9000</pCBS><vCBS>{cbs}</vCBS></gCBS>"
        "</gIBSCBS></IBSCBS>"
    )


def _reform_totals(lines: list[int]) -> str:
    ibs, cbs = money(sum(map(_ibs, lines))), money(sum(map(_cbs, lines)))
    none = "<vDif>0.00</vDif><vDevTrib>0.00</vDevTrib>"
    return (
        f"<IBSCBSTot><vBCIBSCBS>{money(sum(lines))}</vBCIBSCBS>"
        f"<gIBS><gIBSUF>{none}<vIBSUF>{ibs}</vIBSUF></gIBSUF>"
        f"<gIBSMun>{none}<vIBSMun>0.00</vIBSMun></gIBSMun><vIBS>{ibs}</vIBS>"
        "<vCredPres>0.00</vCredPres><vCredPresCondSus>0.00</vCredPresCondSus></gIBS>"
        f"<gCBS>{none}<vCBS>{cbs}</vCBS>"
        "<vCredPres>0.00</vCredPres><vCredPresCondSus>0.00</vCredPresCondSus></gCBS></IBSCBSTot>"
    )


def _totals(goods: int, invoice: Invoice, lines: list[int]) -> str:
    zero = "0.00"
    # An order that site and ERP disagree about may have less than no freight.
    freight, discount = max(0, invoice.freight), invoice.discount + max(0, -invoice.freight)
    before = ("vBC", "vICMS", "vICMSDeson", "vFCP", "vBCST", "vST", "vFCPST", "vFCPSTRet")
    after = ("vII", "vIPI", "vIPIDevol", "vPIS", "vCOFINS", "vOutro")
    return (
        "<total><ICMSTot>"
        + "".join(f"<{tag}>{zero}</{tag}>" for tag in before)
        + f"<vProd>{money(goods)}</vProd><vFrete>{money(freight)}</vFrete>"
        f"<vSeg>{zero}</vSeg><vDesc>{money(discount)}</vDesc>"
        + "".join(f"<{tag}>{zero}</{tag}>" for tag in after)
        + f"<vNF>{money(invoice.total)}</vNF></ICMSTot>"
        f"{_reform_totals(lines) if _has_reform(invoice) else ''}</total>"
    )


def _charges(erp: ErpOrder, invoice: Invoice, today: date) -> str:
    titles = [title for title in announced_titles(erp, today) if title.invoice is invoice]
    instalments = "".join(
        f"<dup><nDup>{number:03d}</nDup><dVenc>{title.due.isoformat()}</dVenc>"
        f"<vDup>{money(title.amount)}</vDup></dup>"
        for number, title in enumerate(titles, 1)
    )
    billed = (
        f"<cobr><fat><nFat>{invoice.number}</nFat><vOrig>{money(invoice.total)}</vOrig>"
        f"<vDesc>0.00</vDesc><vLiq>{money(invoice.total)}</vLiq></fat>{instalments}</cobr>"
        if titles
        else ""
    )
    return (
        f"{billed}<pag><detPag><indPag>1</indPag><tPag>15</tPag>"
        f"<vPag>{money(invoice.total)}</vPag></detPag></pag>"
    )


def _notes(order: Order, erp: ErpOrder, invoice: Invoice) -> str:
    tracking = f"TRK{invoice.number}{invoice.series}BR"
    text = f"Pedido {erp.number}. Rastreio: {tracking}. {DEMO_NOTICE}"
    web = (
        f'<obsCont xCampo="pedido_vtex"><xTexto>{order.web.order_id}</xTexto></obsCont>'
        if order.web
        else ""
    )
    return f"<infAdic><infCpl>{latin(text)}</infCpl>{web}</infAdic>"


def _purchase(number: str) -> str:
    return f"<compra><xPed>{latin(number[:60])}</xPed></compra>" if number else ""


def protocol(invoice: Invoice) -> str:
    """Give the number under which the authority authorised an invoice."""
    return f"135{invoice.number:012d}"
