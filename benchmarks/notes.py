"""Fictional NF-e for benchmarks: with the parts that a printed page shows, not signed."""

from __future__ import annotations

from erp_bridge.identifiers import check_digit_mod11

_EMITTER, _RECIPIENT = "11222333000181", "12345678000195"


def make_note(items: int, issued: str, number: int = 1001) -> bytes:
    """Make an authorised note of so many items."""
    first = f"35{issued[2:4]}{issued[5:7]}{_EMITTER}55001{number:09d}1{number:08d}"
    key = first + check_digit_mod11(first)
    total = items * 100
    place = "<nro>100</nro><xBairro>Centro</xBairro><cMun>3550308</cMun><xMun>Sao Paulo</xMun>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<nfeProc versao="4.00" xmlns="http://www.portalfiscal.inf.br/nfe"><NFe>'
        f'<infNFe versao="4.00" Id="NFe{key}"><ide><cUF>35</cUF><natOp>Venda</natOp><mod>55</mod>'
        f"<serie>1</serie><nNF>{number}</nNF><dhEmi>{issued}</dhEmi><tpNF>1</tpNF><tpImp>1</tpImp>"
        "<tpEmis>1</tpEmis><tpAmb>1</tpAmb><finNFe>1</finNFe></ide>"
        f"<emit><CNPJ>{_EMITTER}</CNPJ><xNome>VENDEDORA EXEMPLO LTDA</xNome><enderEmit><xLgr>Rua"
        f"</xLgr>{place}<UF>SP</UF><CEP>01001000</CEP></enderEmit><IE>110042490114</IE><CRT>3</CRT>"
        f"</emit><dest><CNPJ>{_RECIPIENT}</CNPJ><xNome>COMPRADORA EXEMPLO S.A.</xNome><enderDest>"
        f"<xLgr>Avenida</xLgr>{place}<UF>SP</UF></enderDest></dest>"
        + "".join(_item(at) for at in range(1, items + 1))
        + f"<total><ICMSTot><vBC>{total}.00</vBC><vICMS>{items * 18}.00</vICMS><vProd>{total}.00"
        f"</vProd><vNF>{total}.00</vNF></ICMSTot></total><transp><modFrete>0</modFrete></transp>"
        f"<cobr><dup><nDup>001</nDup><dVenc>2026-12-30</dVenc><vDup>{total}.00</vDup></dup></cobr>"
        "</infNFe></NFe><protNFe><infProt><tpAmb>1</tpAmb>"
        f"<chNFe>{key}</chNFe><dhRecbto>{issued}</dhRecbto><nProt>135260000000001</nProt>"
        "<cStat>100</cStat></infProt></protNFe></nfeProc>"
    ).encode()


def _item(at: int) -> str:
    return (
        f'<det nItem="{at}"><prod><cProd>SKU-{at:04d}</cProd><xProd>Produto de teste numero {at},'
        " com uma descricao de tamanho comum</xProd><NCM>84713012</NCM><CFOP>5102</CFOP>"
        "<uCom>UN</uCom><qCom>2.0000</qCom><vUnCom>50.0000</vUnCom><vProd>100.00</vProd>"
        f"<xPed>PO-2026-0815</xPed><nItemPed>{at}</nItemPed></prod><imposto><ICMS><ICMS00>"
        "<orig>0</orig><CST>00</CST><vBC>100.00</vBC><pICMS>18.00</pICMS><vICMS>18.00</vICMS>"
        "</ICMS00></ICMS></imposto></det>"
    )
