"""`manage.py add_identity_provider`: let a company's people, or staff, sign in by their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations
from django.db import transaction

from b2b_orders.audit.services import Action, record
from b2b_orders.audit.single_sign_on import addresses_of, outside_policy
from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict, InvalidInput
from b2b_orders.common.prompts import ask_secret
from b2b_orders.companies import provider_setup as setup
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import IdentityProvider, ProviderKind
from b2b_orders.companies.services import get_company_named
from b2b_orders.settings.base import env

_TEXTS = (
    *("server_url", "client_id", "issuer", "scope"),
    *("entity_id", "sso_url", "own_entity_id"),
    *("claim_email", "claim_name", "claim_groups", "claim_uid"),
)
_FLAGS = ("is_required", "lets_in", "vouches_email", "vouches_second_factor")


class Command(BaseCommand):
    help = (
        "Make an identity provider, or change the one of that name, and verify e-mail domains"
        " for it. The secret is asked for, or read from an environment variable."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--slug", required=True, help="its name in addresses; stays")
        parser.add_argument("--kind", required=True, choices=ProviderKind.values)
        parser.add_argument("--label", required=True, help="the name that people read")
        parser.add_argument("--company", default="", help="name or id; none for the seller's staff")
        parser.add_argument(
            "--domain",
            action="append",
            default=[],
            help="an e-mail domain that you verified to be the company's; can be repeated",
        )
        for name in _TEXTS:
            parser.add_argument(f"--{name.replace('_', '-')}", default="")
        parser.add_argument("--certificate", metavar="FILE", default="", help="saml: PEM")
        parser.add_argument("--next-certificate", metavar="FILE", default="", help="saml: PEM")
        parser.add_argument("--secret-env", metavar="VAR", help="oidc: variable with the secret")
        parser.add_argument("--role", default="viewer", help="role of whom it lets in")
        parser.add_argument(
            "--group", action="append", default=[], metavar="NAME=ROLE", help="can be repeated"
        )
        for name in _FLAGS:
            parser.add_argument(f"--{name.replace('_', '-')}", action="store_true")

    @no_translations
    def handle(self, *_: Any, **options: Any) -> None:
        now = clock.now()
        try:
            values = self._values(options)
            domains = [setup.clean_domain(each) for each in options["domain"]]
            with transaction.atomic():
                row, is_new = setup.put_provider(change=setup.ProviderChange(**values), now=now)
                for domain in domains:
                    setup.put_domain(
                        domain=domain,
                        company=values["company"],
                        provider=row.slug,
                        may_join=False,
                        person_id=None,
                        now=now,
                    )
                record(
                    Action.PROVIDER_CHANGED,
                    actor=Actor(),
                    company_id=row.company_id,
                    object_kind="provider",
                    object_id=row.slug,
                    detail={"change": "command", "is_new": is_new, "domains": domains},
                    now=now,
                )
        except InvalidInput as error:
            raise CommandError(f"{error.field}: {error.message}") from None
        except Conflict as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Provider {row.slug} {'made' if is_new else 'changed'}.")
        for name, address in addresses_of(row.kind, row.slug).items():
            self.stdout.write(f"  {name}: {address}")

    def _values(self, options: dict[str, Any]) -> dict[str, Any]:
        company = get_company_named(options["company"]) if options["company"] else None
        if options["company"] and company is None:
            raise CommandError(f"--company: there is no company {options['company']!r}")
        is_new = not IdentityProvider.objects.filter(slug=options["slug"]).exists()
        params = {name: options[name] for name in (*_TEXTS, *_FLAGS, "slug", "kind", "label")}
        params |= {
            "role": options["role"],
            "groups": "\n".join(options["group"]),
            "x509cert": _read(options["certificate"]),
            "x509cert_next": _read(options["next_certificate"]),
            "secret": self._secret(options, is_new=is_new),
        }
        cleaned = setup.clean_provider(params, policy=outside_policy(), needs_secret=is_new)
        return cleaned | {"company": str(company.public_id) if company else ""}

    def _secret(self, options: dict[str, Any], *, is_new: bool) -> str:
        if options["kind"] != ProviderKind.OIDC:
            return ""
        if name := options["secret_env"]:
            return str(env.str(name, default=""))
        return ask_secret("Client secret: ") if is_new else ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8") if path else ""
    except (OSError, UnicodeError) as error:
        raise CommandError(f"{path} cannot be read") from error
