"""The companies and numbers that tests and the demo know by name; `cast_orders` has the orders."""

from __future__ import annotations

from dataclasses import dataclass

from erp_bridge.simulators import catalogue, numbers
from erp_bridge.simulators.model import Buyer, Company, Establishment

ALFA_TAX_ID = numbers.cnpj_with_digits("123456780001")
ALFA_BRANCH_TAX_ID = numbers.cnpj_with_digits("123456780002")
BETA_TAX_ID = numbers.cnpj_with_digits("12ABC34501DE")
GAMA_TAX_ID = numbers.cnpj_with_digits("987654320001")
ALFA_CUSTOMER_ID = 1001
BETA_CUSTOMER_ID = 1002
GAMA_CUSTOMER_ID = 1003
TEO_CODE = "TEO01"
TEO_NAME = "Téo Martins"


@dataclass(frozen=True, slots=True)
class Facts:
    """The numbers by which an order of the cast is known, as its sources write them."""

    name: str
    company: str
    tax_id: str
    web_number: str = ""
    sequence: str = ""
    seller_number: str = ""
    erp_number: str = ""
    further_erp_numbers: tuple[str, ...] = ()
    customer_number: str = ""
    invoices: tuple[str, ...] = ()


O1 = Facts(
    name="O1",
    company="alfa",
    tax_id=ALFA_TAX_ID,
    web_number="1172452900788-01",
    sequence="502556",
    seller_number="v502556llux-01",
    erp_number="0004500123",
    customer_number="PO-2026/0815",
    invoices=("1001/1", "1002/1"),
)
O2 = Facts(
    name="O2",
    company="alfa",
    tax_id=ALFA_BRANCH_TAX_ID,
    erp_number="0004500987",
    customer_number="OC 77-A",
)
O3 = Facts(
    name="O3",
    company="alfa",
    tax_id=ALFA_TAX_ID,
    web_number="1172452900999-01",
    sequence="503999",
    seller_number="00-1172452900999-01",
)
O4 = Facts(
    name="O4",
    company="alfa",
    tax_id=ALFA_TAX_ID,
    web_number="1172452900801-01",
    sequence="503801",
    seller_number="00-1172452900801-01",
    erp_number="0004500401",
)
O5 = Facts(
    name="O5",
    company="beta",
    tax_id=BETA_TAX_ID,
    web_number="1172452901555-01",
    sequence="504555",
    seller_number="00-1172452901555-01",
    erp_number="0004600815",
    customer_number="PO-2026/0815",
    invoices=("1501/1",),
)
O6 = Facts(
    name="O6",
    company="alfa",
    tax_id=ALFA_TAX_ID,
    web_number="1172452900866-01",
    sequence="503866",
    seller_number="00-1172452900866-01",
    erp_number="0004500606",
    invoices=("1601/1",),
)
O7 = Facts(
    name="O7",
    company="alfa",
    tax_id=ALFA_TAX_ID,
    erp_number="0001900077",
    customer_number="OC 2019/77",
    invoices=("771/1",),
)
O8 = Facts(
    name="O8",
    company="alfa",
    tax_id=ALFA_TAX_ID,
    web_number="1172452900888-01",
    sequence="503888",
    seller_number="00-1172452900888-01",
    erp_number="0004500808",
    customer_number="OBRA 1200",
    invoices=("1801/1", "1802/1"),
)
HOSTILE = Facts(
    name="HOSTILE",
    company="alfa",
    tax_id=ALFA_TAX_ID,
    web_number="1172452900934-01",
    sequence="503934",
    seller_number="00-1172452900934-01",
    erp_number="0004500934",
    customer_number="<b>OC</b> & 'filhos'",
    invoices=("1901/1",),
)
DAMAGED = Facts(
    name="DAMAGED",
    company="alfa",
    tax_id=ALFA_TAX_ID,
    web_number="1172452900922-01",
    sequence="503922",
    seller_number="00-1172452900922-01",
    erp_number="0004500922",
    invoices=("1922/1",),
)
SPLIT = Facts(
    name="SPLIT",
    company="alfa",
    tax_id=ALFA_TAX_ID,
    web_number="1172452900955-01",
    sequence="503955",
    seller_number="00-1172452900955-01",
    erp_number="0004500551",
    further_erp_numbers=("0004500552",),
    invoices=("1951/1", "1952/2"),
)
# Orders whose documents are special: only an XML, 126 items, a cancelled invoice, boletos of
# every kind, another company's XML, letters in the access key.
PAPERLESS = Facts(
    name="PAPERLESS",
    company="alfa",
    tax_id=ALFA_TAX_ID,
    web_number="1172452900971-01",
    sequence="503971",
    seller_number="00-1172452900971-01",
    erp_number="0004500711",
    customer_number="OC 1711",
    invoices=("1971/1",),
)
LONG = Facts(
    name="LONG",
    company="alfa",
    tax_id=ALFA_TAX_ID,
    web_number="1172452900972-01",
    sequence="503972",
    seller_number="00-1172452900972-01",
    erp_number="0004500712",
    customer_number="OBRA 126",
    invoices=("1972/1",),
)
REVOKED = Facts(
    name="REVOKED",
    company="alfa",
    tax_id=ALFA_TAX_ID,
    web_number="1172452900973-01",
    sequence="503973",
    seller_number="00-1172452900973-01",
    erp_number="0004500713",
    customer_number="OC 1713",
    invoices=("1973/1",),
)
BOLETOS = Facts(
    name="BOLETOS",
    company="alfa",
    tax_id=ALFA_TAX_ID,
    web_number="1172452900974-01",
    sequence="503974",
    seller_number="00-1172452900974-01",
    erp_number="0004500714",
    customer_number="OC 1714",
    invoices=("1974/1",),
)
FOREIGN = Facts(
    name="FOREIGN",
    company="alfa",
    tax_id=ALFA_TAX_ID,
    web_number="1172452900975-01",
    sequence="503975",
    seller_number="00-1172452900975-01",
    erp_number="0004500715",
    customer_number="OC 1715",
    invoices=("1975/1",),
)
LETTERED = Facts(
    name="LETTERED",
    company="beta",
    tax_id=BETA_TAX_ID,
    erp_number="0004600976",
    customer_number="PO-2026/0976",
    invoices=("1976/1",),
)
CAST = (
    *(O1, O2, O3, O4, O5, O6, O7, O8, HOSTILE, DAMAGED, SPLIT),
    *(PAPERLESS, LONG, REVOKED, BOLETOS, FOREIGN, LETTERED),
)
# By how much site and ERP disagree about O6, in cents: the ERP has less.
O6_DIFFERENCE = 1230


# Whose invoice an ERP hands out in place of another's.
STRANGER = Establishment(
    tax_id=numbers.cnpj_with_digits("555556660001"),
    name="ALHEIA COMERCIAL LTDA",
    place=catalogue.place(8),
    state_inscription="120000000110",
)


def _buyer(name: str, number: int) -> Buyer:
    # VTEX hides the real address behind an alias.
    return Buyer(
        name=name,
        tax_id=numbers.cpf(f"9{number:08d}"),
        email=f"{number:032x}@ct.vtex.com.br",
        user_id=f"5660c55f-714d-4b14-88a7-{number:012x}",
    )


def make_company(
    *,
    key: str,
    name: str,
    trade_name: str,
    customer_id: int,
    tax_ids: tuple[str, ...],
    buyers: tuple[str, ...],
    places: tuple[int, ...],
    is_active: bool = True,
) -> Company:
    """Put a company together; `places` index the catalogue's addresses, one a branch."""
    establishments = tuple(
        Establishment(
            tax_id=tax_id,
            name=f"{trade_name} {catalogue.place(where).city}",
            place=catalogue.place(where),
            state_inscription=f"{customer_id:06d}{branch:03d}".ljust(12, "0"),
        )
        for branch, (tax_id, where) in enumerate(zip(tax_ids, places, strict=True))
    )
    people = tuple(_buyer(buyer, customer_id * 10 + index) for index, buyer in enumerate(buyers))
    return Company(
        key=key,
        name=name,
        trade_name=trade_name,
        customer_id=customer_id,
        establishments=establishments,
        buyers=people,
        is_active=is_active,
        organization_id=f"9a3d1c5e-0c1f-11ef-8452-{customer_id:012x}",
    )


def cast_companies() -> tuple[Company, Company, Company]:
    """Make Alfa, Beta and Gama."""
    return (
        make_company(
            key="alfa",
            name="Alfa Distribuidora Ltda",
            trade_name="Alfa Distribuidora",
            customer_id=ALFA_CUSTOMER_ID,
            tax_ids=(ALFA_TAX_ID, ALFA_BRANCH_TAX_ID),
            buyers=("Ana Prado", "Carla Nunes"),
            places=(2, 3),
        ),
        make_company(
            key="beta",
            name="Beta Comércio Ltda",
            trade_name="Beta Comércio",
            customer_id=BETA_CUSTOMER_ID,
            tax_ids=(BETA_TAX_ID,),
            buyers=("Davi Rocha",),
            places=(6,),
        ),
        make_company(
            key="gama",
            name="Gama Materiais S.A.",
            trade_name="Gama Materiais",
            customer_id=GAMA_CUSTOMER_ID,
            tax_ids=(GAMA_TAX_ID,),
            buyers=("Gustavo Pires",),
            places=(4,),
            is_active=False,
        ),
    )
