"""`manage.py add_company`: make a company with its CNPJs and ERP ids, or give it more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    no_translations,
)
from django.db import transaction

from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict, InvalidInput
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import Company
from b2b_orders.companies.services import (
    create_company,
    extend_company,
    get_company_named,
    put_customer_type,
)
from b2b_orders.documents.rules import normalise_type
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.sources import get_connection, system_of
from b2b_orders.orders.services import attach_waiting
from erp_bridge.records import System

_FLAGS = {"tax_id": "--tax-id", "customer_id": "--customer-id", "name": "--name"}


class Command(BaseCommand):
    help = (
        "Make a company with its CNPJs and its ids in ERPs; repeated with the same name,"
        " give it more of them. Orders that waited for a CNPJ are attached."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="the company's name, or its id")
        parser.add_argument(
            "--tax-id",
            action="append",
            default=[],
            metavar="CNPJ",
            help="a CNPJ or CPF of the company, with or without dots; can be repeated",
        )
        parser.add_argument(
            "--customer-id",
            action="append",
            default=[],
            metavar="CONNECTION=VALUE",
            help="by which id the ERP of a connection knows the company; can be repeated",
        )

        parser.add_argument(
            "--customer-type",
            metavar="WORD",
            help='your own word for what kind of customer it is, as rules name it; "" for none',
        )

    @no_translations
    def handle(self, *_: Any, **options: Any) -> None:
        customer_ids = [_parse(pair) for pair in options["customer_id"]]
        try:
            with transaction.atomic():
                company, is_new = _put(options["name"], options["tax_id"], customer_ids)
        except InvalidInput as error:
            raise CommandError(f"{_FLAGS[error.field]}: {error.message}") from None
        except Conflict as error:
            raise CommandError(str(error)) from None
        if options["customer_type"] is not None:
            put_customer_type(
                company_id=company.pk, customer_type=normalise_type(options["customer_type"])
            )
        _record(company, is_new=is_new, options=options)
        attached = attach_waiting(company_id=company.pk, now=clock.now())
        self.stdout.write(
            f"Company {company.name} {'made' if is_new else 'changed'}: id {company.public_id},"
            f" {company.establishments.count()} CNPJ or CPF,"
            f" {company.customer_ids.count()} ERP ids, {attached} waiting orders attached."
        )


def _put(
    name: str, tax_ids: list[str], customer_ids: list[tuple[str, str]]
) -> tuple[Company, bool]:
    company = get_company_named(name)
    if company is None:
        return create_company(name=name, tax_ids=tax_ids, customer_ids=customer_ids), True
    extend_company(company_id=company.pk, tax_ids=tax_ids, customer_ids=customer_ids)
    return company, False


def _record(company: Company, *, is_new: bool, options: dict[str, Any]) -> None:
    """Leave the line that a page would have left; nobody is logged in at a terminal."""
    given = {name: options[name] for name in ("tax_id", "customer_id", "customer_type")}
    record(
        Action.COMPANY_MADE if is_new else Action.COMPANY_CHANGED,
        actor=Actor(),
        company_id=company.pk,
        object_kind="company",
        object_id=str(company.public_id),
        detail={"how": "command", **{name: value for name, value in given.items() if value}},
        now=clock.now(),
    )


def _parse(pair: str) -> tuple[str, str]:
    connection, equals, value = (part.strip() for part in pair.partition("="))
    if not (equals and connection and value):
        raise CommandError(f"--customer-id: {pair!r} is not of the form CONNECTION=VALUE")
    if system_of(_known(connection)) is not System.ERP:
        raise CommandError(
            f"--customer-id: {connection} is no ERP; a shop knows a company by its CNPJ (--tax-id)"
        )
    return connection, value


def _known(name: str) -> Connection:
    try:
        return get_connection(name)
    except InvalidInput as error:
        raise CommandError(f"--customer-id: {error.message}") from None
