"""Builders of the minimum valid row or record, without randomness."""

from tests.factories.companies import (
    CONNECTION_ERP,
    CONNECTION_VTEX,
    NOW,
    PASSWORD,
    make_company,
    make_member,
    make_person,
    make_staff,
    sign_in,
)
from tests.factories.orders import as_listed, make_document, make_order, make_title
from tests.factories.records import make_erp_record, make_reading, make_vtex_record

__all__ = [
    "CONNECTION_ERP",
    "CONNECTION_VTEX",
    "NOW",
    "PASSWORD",
    "as_listed",
    "make_company",
    "make_document",
    "make_erp_record",
    "make_member",
    "make_order",
    "make_person",
    "make_reading",
    "make_staff",
    "make_title",
    "make_vtex_record",
    "sign_in",
]
