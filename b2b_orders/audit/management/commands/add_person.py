"""`manage.py add_person`: let somebody in, as an employee of a company or as staff."""

from __future__ import annotations

from typing import Any

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    no_translations,
)
from django.db import transaction

from b2b_orders.accounts.models import Person
from b2b_orders.accounts.services import put_person
from b2b_orders.audit.people import grant_words
from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict, InvalidInput
from b2b_orders.common.prompts import ask_secret
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import Company, DefaultScope, Membership, Role, StaffRole
from b2b_orders.companies.people import grant_of
from b2b_orders.companies.services import get_company_named, put_member, put_staff
from b2b_orders.settings.base import env

_FLAGS = {"tax_id": "--establishment", "password": "the password"}


class Command(BaseCommand):
    help = (
        "Make a person and give them a role in a company, or a role in the seller's staff;"
        " repeated with the same e-mail, change them or let them into one more company."
        " The password is asked for, or read from an environment variable."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument("--password-env", metavar="VAR", help="variable with the password")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--company", help="the company's name or id")
        what.add_argument("--staff", choices=StaffRole.values, metavar="ROLE", help=_of(StaffRole))
        parser.add_argument("--role", choices=Role.values, help=f"in the company: {_of(Role)}")
        parser.add_argument(
            "--establishment",
            action="append",
            default=[],
            metavar="CNPJ",
            help="show this CNPJ only; can be repeated; without it, the whole company",
        )
        parser.add_argument(
            "--whole-company",
            action="store_true",
            help="show all of a company whose new people see chosen establishments, or to somebody"
            " who saw some of it",
        )
        parser.add_argument("--seller-code", default="", help="how the ERP names a salesperson")
        parser.add_argument(
            "--portfolio",
            action="append",
            default=[],
            metavar="COMPANY",
            help="a company that telesales look after; can be repeated",
        )
        parser.add_argument("--prices", action="store_true", help="telesales that see prices")
        parser.add_argument("--finance", action="store_true", help="telesales that see boletos")

    @no_translations
    def handle(self, *_: Any, **options: Any) -> None:
        _check_together(options)
        companies = [_company(name) for name in options["portfolio"]]
        company = _company(options["company"]) if options["company"] else None
        email: str = options["email"].strip()
        has_one = Person.objects.filter(email=email.lower()).exists()
        password = _password(options["password_env"], email, has_one=has_one)
        try:
            with transaction.atomic():
                person, is_new = put_person(email=email, name=options["name"], password=password)
                if password and not is_new:
                    _record(Action.PASSWORD_CHANGED, person, None, {})
                if company is not None:
                    _let_in(person, company, options)
                else:
                    _make_staff(person, companies, options)
        except (InvalidInput, Conflict) as error:
            raise CommandError(_worded(error)) from None
        what = options["staff"] or f"{options['role']} of {company.name if company else ''}"
        self.stdout.write(f"{person.email} {'made' if is_new else 'changed'}: {what}.")


def _let_in(person: Person, company: Company, options: dict[str, Any]) -> None:
    before = Membership.objects.filter(person=person, company=company).first()
    was_in = before is not None and before.is_active
    is_narrow = company.default_scope == DefaultScope.ESTABLISHMENTS and not was_in
    was_narrow = before is not None and was_in and before.is_scoped
    if (is_narrow or was_narrow) and not (options["establishment"] or options["whole_company"]):
        raise InvalidInput(
            "tax_id",
            f"not all of {company.name} is shown without saying so: name one, or give"
            " --whole-company",
        )
    detail: dict[str, object] = {}
    if before is not None and was_in:
        detail["before"] = _words(before)
    member = put_member(
        person_id=person.pk,
        company_id=company.pk,
        role=Role(options["role"]),
        tax_ids=options["establishment"],
    )
    action = Action.MEMBER_CHANGED if was_in else Action.MEMBER_ADDED
    detail["after"] = _words(member)
    _record(action, person, company, detail)


def _words(member: Membership) -> dict[str, object]:
    ids = member.scopes.values_list("establishment_id", flat=True)
    return grant_words(grant_of(member, ids))


def _make_staff(person: Person, companies: list[Company], options: dict[str, Any]) -> None:
    put_staff(
        person_id=person.pk,
        role=StaffRole(options["staff"]),
        seller_code=options["seller_code"],
        company_ids=[each.pk for each in companies],
        can_see_prices=options["prices"],
        can_see_finance=options["finance"],
    )
    about = {
        "role": options["staff"],
        "seller_code": options["seller_code"],
        "portfolio": [str(each.public_id) for each in companies],
        "prices": options["prices"],
        "finance": options["finance"],
    }
    _record(Action.STAFF_CHANGED, person, None, about)


def _record(
    action: Action, person: Person, company: Company | None, detail: dict[str, object]
) -> None:
    """Leave the line that a page would have left; nobody is logged in at a terminal."""
    record(
        action,
        actor=Actor(),
        company_id=company.pk if company else None,
        object_kind="person",
        object_id=str(person.public_id),
        detail={"how": "command", **detail},
        now=clock.now(),
    )


def _check_together(options: dict[str, Any]) -> None:
    if options["company"] and not options["role"]:
        raise CommandError(f"--role is missing: one of {_of(Role)}")
    for_company = options["role"] or options["establishment"] or options["whole_company"]
    for_staff = (
        options["seller_code"] or options["portfolio"] or options["prices"] or options["finance"]
    )
    if options["establishment"] and options["whole_company"]:
        raise CommandError("--whole-company: give it or --establishment, not both")
    if options["staff"] and for_company:
        raise CommandError(
            "--role, --establishment and --whole-company go with --company, not with --staff"
        )
    if options["company"] and for_staff:
        raise CommandError("--seller-code, --portfolio, --prices and --finance go with --staff")


def _company(name: str) -> Company:
    try:
        company = get_company_named(name)
    except Conflict as error:
        raise CommandError(str(error)) from None
    if company is None:
        raise CommandError(f"There is no company {name!r}: make it with manage.py add_company")
    return company


def _password(variable: str | None, email: str, *, has_one: bool) -> str | None:
    if variable:
        value: str = env.str(variable, default="")
        if not value:
            raise CommandError(f"--password-env: the variable {variable} is not set or empty")
        return value
    keep = " (Enter keeps the present one)" if has_one else ""
    typed = ask_secret(f"The password of {email}{keep}: ")
    if not typed and not has_one:
        raise CommandError("The password is missing: type it when asked, or give --password-env")
    return typed or None


def _worded(error: InvalidInput | Conflict) -> str:
    if isinstance(error, InvalidInput):
        return f"{_FLAGS.get(error.field, '--' + error.field)}: {error.message}"
    return str(error)


def _of(choices: type[Role] | type[StaffRole]) -> str:
    return ", ".join(choices.values)
