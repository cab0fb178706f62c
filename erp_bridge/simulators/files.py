"""The bytes of the ERP's documents: small valid PDFs, NF-e XML and serial number lists.

The same document gives the same bytes. Nothing here may be paid or filed: the bank does
not exist, the companies are invented, and each page says that it is a demonstration.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import date
from xml.sax.saxutils import escape, quoteattr

from erp_bridge.simulators import numbers
from erp_bridge.simulators.catalogue import PRODUCTS
from erp_bridge.simulators.documents import Document, FileKind, reais
from erp_bridge.simulators.model import (
    SELLER,
    ErpOrder,
    Establishment,
    Invoice,
    Item,
    Order,
    Part,
    Place,
    Title,
    access_key,
    titles_of,
)
from erp_bridge.simulators.server import HTML_PAGE

PDF_TYPE, XML_TYPE, CSV_TYPE = "application/pdf", "application/xml", "text/csv; charset=utf-8"
NAMESPACE = "http://www.portalfiscal.inf.br/nfe"
DEMO_NOTICE = "DEMONSTRAÇÃO: SEM VALOR FISCAL OU FINANCEIRO"
_LINES_ON_PAGE = 58


def content(order: Order, erp: ErpOrder, document: Document, today: date) -> tuple[bytes, str]:
    """Make a document's bytes and say their type."""
    if document.is_damaged:
        # What some ERPs do: a web page with an error where a PDF should be.
        return HTML_PAGE, PDF_TYPE
    match document.kind:
        case FileKind.XML:
            return nfe_xml(order, erp, document.invoice, today), XML_TYPE
        case FileKind.SERIALS:
            return serials_csv(order, document.invoice), CSV_TYPE
        case FileKind.DANFE:
            return pdf("DANFE", _danfe_lines(order, document.invoice)), PDF_TYPE
        case FileKind.BOLETO if document.title:
            return pdf("BOLETO", _boleto_lines(order, erp, document.title)), PDF_TYPE
    return pdf("GUIA DE RECOLHIMENTO", _slip_lines(order, document)), PDF_TYPE


# --- PDF ---------------------------------------------------------------------------


def pdf(title: str, lines: list[str]) -> bytes:
    """Set lines of text on as many A4 pages as they need."""
    pages = [lines[at : at + _LINES_ON_PAGE] for at in range(0, len(lines), _LINES_ON_PAGE)]
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for index, page in enumerate(pages):
        stream = _page_stream(title, page, index + 1, len(pages))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources"
            b" << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (5 + 2 * index)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    return _pdf_file(objects)


def _page_stream(title: str, lines: list[str], number: int, of: int) -> bytes:
    parts = [
        b"BT /F1 14 Tf 40 800 Td (%s) Tj ET" % _pdf_text(title),
        b"BT /F1 8 Tf 40 785 Td (%s) Tj ET" % _pdf_text(f"{DEMO_NOTICE}  -  folha {number}/{of}"),
        b"40 778 m 555 778 l S",
        b"BT /F1 9 Tf 12 TL 40 762 Td",
    ]
    parts += [b"(%s) Tj T*" % _pdf_text(line) for line in lines]
    parts.append(b"ET")
    return b"\n".join(parts)


def _pdf_text(text: str) -> bytes:
    raw = text.encode("cp1252", "replace")
    return raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _pdf_file(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        out += b"%010d 00000 n \n" % offset
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
    return bytes(out)


def print_tax_id(tax_id: str) -> str:
    """Write a CNPJ with its dots."""
    return f"{tax_id[:2]}.{tax_id[2:5]}.{tax_id[5:8]}/{tax_id[8:12]}-{tax_id[12:]}"


def print_key(key: str) -> str:
    """Write an access key in groups of four."""
    return " ".join(key[at : at + 4] for at in range(0, 44, 4))


def _parties(order: Order) -> list[str]:
    buyer = order.establishment
    where = buyer.place
    return [
        f"Emitente: {SELLER.name}   CNPJ {print_tax_id(SELLER.tax_id)}",
        f"Destinatário: {order.company.name}   CNPJ {print_tax_id(buyer.tax_id)}",
        f"Endereço: {where.street}, {where.number} - {where.district} - {where.city}/{where.state}",
        "",
    ]


def _danfe_lines(order: Order, invoice: Invoice) -> list[str]:
    lines = [
        "Documento Auxiliar da Nota Fiscal Eletrônica",
        f"Número {invoice.number:09d}   Série {invoice.series}   Emissão {invoice.issued:%d/%m/%Y}",
        f"Chave de acesso: {print_key(access_key(invoice))}",
        "",
        *_parties(order),
        "Código          Quantidade   Unitário        Total           Descrição",
    ]
    for part in invoice.parts:
        item = order.items[part.position]
        product = PRODUCTS[item.product]
        lines.append(
            f"{product.reference:<12}    {part.quantity:>6} UN    {reais(item.price)}    "
            f"{reais(item.price * part.quantity)}    {product.name}"
        )
    return [
        *lines,
        "",
        f"Frete: {reais(invoice.freight)}    Desconto: {reais(invoice.discount)}",
        f"Valor total da nota: {reais(invoice.total)}",
    ]


def _boleto_lines(order: Order, erp: ErpOrder, title: Title) -> list[str]:
    return [
        "Banco 999 - Banco Fictício de Demonstração",
        f"Linha digitável: {numbers.print_boleto_line(title.line)}",
        "",
        *_parties(order),
        f"Pedido {erp.number}   NF {title.invoice.label}   Parcela {title.instalment}",
        f"Vencimento: {title.due:%d/%m/%Y}",
        f"Valor: {reais(title.amount)}",
    ]


def _slip_lines(order: Order, document: Document) -> list[str]:
    invoice = document.invoice
    line = numbers.slip_line(
        cents=document.amount, number=invoice.number, due=document.due or invoice.issued
    )
    blocks = " ".join(line[at : at + 12] for at in range(0, 48, 12))
    return [
        document.description,
        f"Linha: {blocks}",
        f"Documento de origem: {print_key(access_key(invoice))}",
        "",
        *_parties(order),
        f"Vencimento: {document.due or invoice.issued:%d/%m/%Y}",
        f"Valor: {reais(document.amount)}",
        "Contribuinte e pagador: o emitente",
    ]


def serials_csv(order: Order, invoice: Invoice) -> bytes:
    """List a serial number for each piece that carries one."""
    rows = ["produto;numero_de_serie;descricao"]
    for part in invoice.parts:
        product = PRODUCTS[order.items[part.position].product]
        if product.has_serial:
            rows += [
                f"{product.reference};SN{invoice.number:07d}{part.position:03d}{piece:03d};"
                f"{product.name}"
                for piece in range(part.quantity)
            ]
    return ("\r\n".join(rows) + "\r\n").encode()


# --- XML ---------------------------------------------------------------------------


def nfe_xml(order: Order, erp: ErpOrder, invoice: Invoice, today: date) -> bytes:
    """Write an authorised NF-e (layout 4.00), unsigned, as one line."""
    key = access_key(invoice)
    digest = base64.b64encode(hashlib.sha256(key.encode()).digest()[:20]).decode()
    rows = [(part, order.items[part.position]) for part in invoice.parts]
    details = "".join(_detail(at, part, item, order) for at, (part, item) in enumerate(rows, 1))
    goods = sum(item.price * part.quantity for part, item in rows)
    where = order.establishment.place
    inside = (
        f"<ide><cUF>{SELLER.state_code}</cUF><cNF>{key[35:43]}</cNF>"
        f"<natOp>Venda de mercadoria</natOp><mod>55</mod><serie>{invoice.series}</serie>"
        f"<nNF>{invoice.number}</nNF><dhEmi>{invoice.issued.isoformat()}T09:30:00-03:00</dhEmi>"
        f"<tpNF>1</tpNF><idDest>{1 if where.state == 'SP' else 2}</idDest>"
        f"<cMunFG>{SELLER.place.city_code}</cMunFG><tpImp>1</tpImp><tpEmis>1</tpEmis>"
        f"<cDV>{key[-1]}</cDV><tpAmb>1</tpAmb><finNFe>1</finNFe><indFinal>0</indFinal>"
        "<indPres>9</indPres><procEmi>0</procEmi><verProc>demo 1.0</verProc></ide>"
        f"{_emitter()}{_recipient(order.company.name, order.establishment)}{details}"
        f"{_totals(goods, invoice)}"
        "<transp><modFrete>0</modFrete><transporta><xNome>Transportes Vereda</xNome>"
        "</transporta><vol><qVol>1</qVol><esp>CAIXA</esp></vol></transp>"
        f"{_charges(erp, invoice, today)}"
        f"<infAdic><infCpl>{_latin(f'Pedido {erp.number}. {DEMO_NOTICE}')}</infCpl></infAdic>"
        f"{_purchase(order.customer_number)}"
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<nfeProc versao="4.00" xmlns="{NAMESPACE}"><NFe xmlns="{NAMESPACE}">'
        f'<infNFe versao="4.00" Id="NFe{key}">{inside}</infNFe></NFe>'
        '<protNFe versao="4.00"><infProt><tpAmb>1</tpAmb><verAplic>DEMO</verAplic>'
        f"<chNFe>{key}</chNFe><dhRecbto>{invoice.issued.isoformat()}T09:30:40-03:00</dhRecbto>"
        f"<nProt>135{invoice.number:012d}</nProt><digVal>{digest}</digVal><cStat>100</cStat>"
        "<xMotivo>Autorizado o uso da NF-e</xMotivo></infProt></protNFe></nfeProc>"
    ).encode()


def _latin(text: str) -> str:
    return escape(text.strip())


def _money(cents: int) -> str:
    return f"{cents / 100:.2f}"


def _address(tag: str, place: Place) -> str:
    return (
        f"<{tag}><xLgr>{_latin(place.street)}</xLgr><nro>{place.number}</nro>"
        f"<xBairro>{_latin(place.district)}</xBairro><cMun>{place.city_code}</cMun>"
        f"<xMun>{_latin(place.city)}</xMun><UF>{place.state}</UF><CEP>{place.postal_code}</CEP>"
        f"<cPais>1058</cPais><xPais>BRASIL</xPais></{tag}>"
    )


def _emitter() -> str:
    return (
        f"<emit><CNPJ>{SELLER.tax_id}</CNPJ><xNome>{_latin(SELLER.name)}</xNome>"
        f"{_address('enderEmit', SELLER.place)}<IE>{SELLER.state_inscription}</IE>"
        "<CRT>3</CRT></emit>"
    )


def _recipient(name: str, establishment: Establishment) -> str:
    return (
        f"<dest><CNPJ>{establishment.tax_id}</CNPJ><xNome>{_latin(name)}</xNome>"
        f"{_address('enderDest', establishment.place)}<indIEDest>1</indIEDest>"
        f"<IE>{establishment.state_inscription}</IE></dest>"
    )


def _detail(number: int, part: Part, item: Item, order: Order) -> str:
    product = PRODUCTS[item.product]
    goods = _money(item.price * part.quantity)
    purchase = f"<xPed>{_latin(order.customer_number[:15])}</xPed>" if order.customer_number else ""
    cfop = "5102" if order.establishment.place.state == "SP" else "6102"
    return (
        f"<det nItem={quoteattr(str(number))}><prod><cProd>{product.reference}</cProd>"
        f"<cEAN>SEM GTIN</cEAN><xProd>{_latin(product.name)}</xProd><NCM>84713012</NCM>"
        f"<CFOP>{cfop}</CFOP><uCom>UN</uCom><qCom>{part.quantity}.0000</qCom>"
        f"<vUnCom>{item.price / 100:.4f}</vUnCom><vProd>{goods}</vProd>"
        f"<cEANTrib>SEM GTIN</cEANTrib><uTrib>UN</uTrib><qTrib>{part.quantity}.0000</qTrib>"
        f"<vUnTrib>{item.price / 100:.4f}</vUnTrib><indTot>1</indTot>{purchase}</prod>"
        "<imposto><ICMS><ICMS40><orig>0</orig><CST>41</CST></ICMS40></ICMS>"
        "<PIS><PISNT><CST>07</CST></PISNT></PIS>"
        "<COFINS><COFINSNT><CST>07</CST></COFINSNT></COFINS></imposto></det>"
    )


def _totals(goods: int, invoice: Invoice) -> str:
    zero = "0.00"
    before = ("vBC", "vICMS", "vICMSDeson", "vFCP", "vBCST", "vST", "vFCPST", "vFCPSTRet")
    after = ("vII", "vIPI", "vIPIDevol", "vPIS", "vCOFINS", "vOutro")
    return (
        "<total><ICMSTot>"
        + "".join(f"<{tag}>{zero}</{tag}>" for tag in before)
        + f"<vProd>{_money(goods)}</vProd><vFrete>{_money(invoice.freight)}</vFrete>"
        f"<vSeg>{zero}</vSeg><vDesc>{_money(invoice.discount)}</vDesc>"
        + "".join(f"<{tag}>{zero}</{tag}>" for tag in after)
        + f"<vNF>{_money(invoice.total)}</vNF></ICMSTot></total>"
    )


def _charges(erp: ErpOrder, invoice: Invoice, today: date) -> str:
    titles = [title for title in titles_of(erp, today) if title.invoice is invoice]
    instalments = "".join(
        f"<dup><nDup>{number:03d}</nDup><dVenc>{title.due.isoformat()}</dVenc>"
        f"<vDup>{_money(title.amount)}</vDup></dup>"
        for number, title in enumerate(titles, 1)
    )
    billed = (
        f"<cobr><fat><nFat>{invoice.number}</nFat><vOrig>{_money(invoice.total)}</vOrig>"
        f"<vDesc>0.00</vDesc><vLiq>{_money(invoice.total)}</vLiq></fat>{instalments}</cobr>"
        if titles
        else ""
    )
    return (
        f"{billed}<pag><detPag><indPag>1</indPag><tPag>15</tPag>"
        f"<vPag>{_money(invoice.total)}</vPag></detPag></pag>"
    )


def _purchase(number: str) -> str:
    return f"<compra><xPed>{_latin(number[:60])}</xPed></compra>" if number else ""
