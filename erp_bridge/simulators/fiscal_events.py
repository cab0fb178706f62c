"""What else is signed about an invoice: its cancellation, its correction, its carriage."""

from __future__ import annotations

from datetime import date, timedelta

from erp_bridge.simulators import numbers
from erp_bridge.simulators.model import SELLER, Invoice, Order, Place, access_key
from erp_bridge.simulators.nfe import (
    CARRIER_NAME,
    CARRIER_TAX_ID,
    NAMESPACE,
    latin,
    money,
    protocol,
)
from erp_bridge.simulators.signing import sign

# --- events ------------------------------------------------------------------------


def cancellation_xml(invoice: Invoice, cancelled_on: date) -> bytes:
    """Write the registered cancellation of an invoice."""
    detail = (
        f"<descEvento>Cancelamento</descEvento><nProt>{protocol(invoice)}</nProt>"
        "<xJust>Pedido faturado em duplicidade (demonstracao)</xJust>"
    )
    return _event(invoice, cancelled_on, "110111", detail, "Cancelamento registrado")


def correction_xml(invoice: Invoice, text: str) -> bytes:
    """Write a registered letter of correction (CC-e) of an invoice."""
    detail = (
        f"<descEvento>Carta de Correcao</descEvento><xCorrecao>{latin(text[:1000])}</xCorrecao>"
        f"<xCondUso>{_CONDITIONS}</xCondUso>"
    )
    day = invoice.issued + timedelta(days=1)
    return _event(invoice, day, "110110", detail, "Carta de Correcao registrada")


def _event(invoice: Invoice, day: date, kind: str, detail: str, words: str) -> bytes:
    key = access_key(invoice)
    identity = f"ID{kind}{key}01"
    emitter = invoice.emitter or SELLER.tax_id
    inside = (
        f"<cOrgao>{SELLER.state_code}</cOrgao><tpAmb>1</tpAmb><CNPJ>{emitter}</CNPJ>"
        f"<chNFe>{key}</chNFe><dhEvento>{day.isoformat()}T15:40:00-03:00</dhEvento>"
        f"<tpEvento>{kind}</tpEvento><nSeqEvento>1</nSeqEvento><verEvento>1.00</verEvento>"
        f'<detEvento versao="1.00">{detail}</detEvento>'
    )
    signature, _ = sign(
        f'<infEvento xmlns="{NAMESPACE}" Id="{identity}">{inside}</infEvento>',
        identity,
        holder=SELLER.name,
        tax_id=SELLER.tax_id,
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<procEventoNFe versao="1.00" xmlns="{NAMESPACE}"><evento versao="1.00">'
        f'<infEvento Id="{identity}">{inside}</infEvento>{signature}</evento>'
        f'<retEvento versao="1.00"><infEvento><tpAmb>1</tpAmb><verAplic>DEMO</verAplic>'
        f"<cOrgao>{SELLER.state_code}</cOrgao><cStat>135</cStat>"
        f"<xMotivo>Evento registrado e vinculado a NF-e</xMotivo><chNFe>{key}</chNFe>"
        f"<tpEvento>{kind}</tpEvento><xEvento>{words}</xEvento><nSeqEvento>1</nSeqEvento>"
        f"<dhRegEvento>{day.isoformat()}T15:40:21-03:00</dhRegEvento>"
        f"<nProt>1359{invoice.number:011d}</nProt></infEvento></retEvento></procEventoNFe>"
    ).encode()


# The law's words, which the schema demands letter by letter.
_CONDITIONS = (
    "A Carta de Correcao e disciplinada pelo paragrafo 1o-A do art. 7o do Convenio S/N, de 15 de "
    "dezembro de 1970 e pode ser utilizada para regularizacao de erro ocorrido na emissao de "
    "documento fiscal, desde que o erro nao esteja relacionado com: I - as variaveis que "
    "determinam o valor do imposto tais como: base de calculo, aliquota, diferenca de preco, "
    "quantidade, valor da operacao ou da prestacao; II - a correcao de dados cadastrais que "
    "implique mudanca do remetente ou do destinatario; III - a data de emissao ou de saida."
)


# --- carriage ----------------------------------------------------------------------

CTE_NAMESPACE = "http://www.portalfiscal.inf.br/cte"


def cte_number(invoice: Invoice) -> int:
    """Give the number of the CT-e that an invoice travels with."""
    return 30_000 + invoice.number


def cte_key(invoice: Invoice) -> str:
    """Give the access key of the CT-e that an invoice travels with."""
    return numbers.access_key(
        state=SELLER.state_code,
        issued=invoice.issued,
        emitter=CARRIER_TAX_ID,
        series=1,
        number=cte_number(invoice),
        model=57,
    )


def cte_xml(order: Order, invoice: Invoice) -> bytes:
    """Write the authorised CT-e (layout 4.00) that an invoice travels with."""
    key = cte_key(invoice)
    inside = _carriage(order, invoice, key)
    signature, digest = sign(
        f'<infCte xmlns="{CTE_NAMESPACE}" versao="4.00" Id="CTe{key}">{inside}</infCte>',
        f"CTe{key}",
        holder=CARRIER_NAME,
        tax_id=CARRIER_TAX_ID,
    )
    address = f"https://vereda.example/cte/qrCode?chCTe={key}&amp;tpAmb=1"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<cteProc versao="4.00" xmlns="{CTE_NAMESPACE}"><CTe xmlns="{CTE_NAMESPACE}">'
        f'<infCte versao="4.00" Id="CTe{key}">{inside}</infCte>'
        f"<infCTeSupl><qrCodCTe>{address}</qrCodCTe></infCTeSupl>{signature}</CTe>"
        '<protCTe versao="4.00"><infProt><tpAmb>1</tpAmb><verAplic>DEMO</verAplic>'
        f"<chCTe>{key}</chCTe><dhRecbto>{invoice.issued.isoformat()}T18:20:11-03:00</dhRecbto>"
        f"<nProt>135{cte_number(invoice):012d}</nProt><digVal>{digest}</digVal>"
        "<cStat>100</cStat><xMotivo>Autorizado o uso do CT-e</xMotivo></infProt></protCTe>"
        "</cteProc>"
    ).encode()


def _carriage(order: Order, invoice: Invoice, key: str) -> str:
    home, away = SELLER.place, order.establishment.place
    fee = 24_890
    return (
        f"<ide><cUF>{SELLER.state_code}</cUF><cCT>{key[35:43]}</cCT>"
        f"<CFOP>{5353 if away.state == home.state else 6353}</CFOP>"
        "<natOp>Prestacao de servico de transporte</natOp><mod>57</mod><serie>1</serie>"
        f"<nCT>{cte_number(invoice)}</nCT><dhEmi>{invoice.issued.isoformat()}T18:20:00-03:00</dhEmi>"
        f"<tpImp>1</tpImp><tpEmis>1</tpEmis><cDV>{key[-1]}</cDV><tpAmb>1</tpAmb><tpCTe>0</tpCTe>"
        "<procEmi>0</procEmi><verProc>demo 1.0</verProc>"
        f"{_where('Env', home)}<modal>01</modal><tpServ>0</tpServ>"
        f"{_where('Ini', home)}{_where('Fim', away)}"
        "<retira>1</retira><indIEToma>1</indIEToma><toma3><toma>0</toma></toma3></ide>"
        f"<emit><CNPJ>{CARRIER_TAX_ID}</CNPJ><IE>{SELLER.state_inscription}</IE>"
        f"<xNome>{CARRIER_NAME}</xNome>{_cte_address('enderEmit', home, has_country=False)}"
        "<CRT>3</CRT></emit>"
        f"<rem><CNPJ>{invoice.emitter or SELLER.tax_id}</CNPJ><IE>{SELLER.state_inscription}</IE>"
        f"<xNome>{latin(SELLER.name)}</xNome>{_cte_address('enderReme', home)}</rem>"
        f"<dest><CNPJ>{order.establishment.tax_id}</CNPJ>"
        f"<IE>{order.establishment.state_inscription}</IE>"
        f"<xNome>{latin(order.company.name)}</xNome>{_cte_address('enderDest', away)}</dest>"
        f"<vPrest><vTPrest>{money(fee)}</vTPrest><vRec>{money(fee)}</vRec>"
        f"<Comp><xNome>FRETE PESO</xNome><vComp>{money(fee)}</vComp></Comp></vPrest>"
        f"<imp><ICMS><ICMS00><CST>00</CST><vBC>{money(fee)}</vBC><pICMS>12.00</pICMS>"
        f"<vICMS>{money(fee * 12 // 100)}</vICMS></ICMS00></ICMS></imp>"
        f"<infCTeNorm><infCarga><vCarga>{money(invoice.total)}</vCarga>"
        "<proPred>Materiais industriais</proPred><infQ><cUnid>01</cUnid><tpMed>PESO BRUTO</tpMed>"
        "<qCarga>12.5000</qCarga></infQ></infCarga>"
        f"<infDoc><infNFe><chave>{access_key(invoice)}</chave></infNFe></infDoc>"
        '<infModal versaoModal="4.00"><rodo><RNTRC>12345678</RNTRC></rodo></infModal></infCTeNorm>'
    )


def _where(tag: str, place: Place) -> str:
    return (
        f"<cMun{tag}>{place.city_code}</cMun{tag}><xMun{tag}>{latin(place.city)}</xMun{tag}>"
        f"<UF{tag}>{place.state}</UF{tag}>"
    )


def _cte_address(tag: str, place: Place, *, has_country: bool = True) -> str:
    country = "<cPais>1058</cPais><xPais>BRASIL</xPais>" if has_country else ""
    return (
        f"<{tag}><xLgr>{latin(place.street)}</xLgr><nro>{place.number}</nro>"
        f"<xBairro>{latin(place.district)}</xBairro><cMun>{place.city_code}</cMun>"
        f"<xMun>{latin(place.city)}</xMun><CEP>{place.postal_code}</CEP><UF>{place.state}</UF>"
        f"{country}</{tag}>"
    )
