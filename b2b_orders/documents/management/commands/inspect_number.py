"""`manage.py inspect_number TEXT`: which kinds of number a text can be."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from b2b_orders.common import clock
from b2b_orders.documents.management.options import day, say
from erp_bridge.identifiers.kinds import Reading, is_near, readings

_NAMES = {
    "cnpj": "CNPJ",
    "cpf": "CPF",
    "access_key": "access key (NF-e, CT-e)",
    "access_key_nfse": "access key of an NFS-e",
    "boleto": "bank slip",
    "arrecadacao": "tax or utility slip",
    "pix": "Pix code",
    "inscricao_estadual": "state registration",
    "due_factor": "date, as due factor",
    "factor_to_date": "due factor",
}


class Command(BaseCommand):
    help = "Say which kinds of number a text can be: valid or why not, and what it says."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("text", nargs="+", help="blanks and quotes may be left as they are")
        parser.add_argument(
            "--reference-date", type=day, help="the day from which due factors are read (today)"
        )
        parser.add_argument("--json", action="store_true", help="write it for a machine")

    def handle(self, *_args: object, **options: Any) -> None:
        reference = options["reference_date"] or clock.now().date()
        found = readings(" ".join(options["text"]), reference)
        if options["json"]:
            told = [reading.as_json() for reading in found]
            self.stdout.write(json.dumps(told, indent=2))
            return
        near = [reading for reading in found if is_near(reading)] or [
            reading for reading in found if reading.valid is None
        ]
        if not near:
            say(self, "None of the numbers that we know.")
        for reading in near:
            say(self, "\n".join(_lines(reading)))


def _lines(reading: Reading) -> list[str]:
    validity = {True: "valid", False: "not valid", None: "cannot be checked"}[reading.valid]
    because = f" ({reading.reason})" if reading.reason else ""
    kind = f", {reading.kind}" if reading.kind != reading.group else ""
    lines = [f"{_NAMES[reading.group]}{kind}: {validity}{because}"]
    if reading.formatted:
        lines.append(f"  {reading.formatted}")
    details = dict(reading.details)
    details |= details.pop("decoded", {})
    return lines + [
        f"  {name.replace('_', ' ')}: {value}"
        for name, value in details.items()
        if value is not None
    ]
