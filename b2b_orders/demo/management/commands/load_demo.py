"""`manage.py load_demo`: the companies, people and connections of the demo."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.demo.world_people import load


class Command(BaseCommand):
    help = (
        "Make the companies, people and connections of the demo, or what is missing of them."
        " Orders are then read from the simulators with `manage.py sync`."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--vtex-url", required=True, help="where the simulated VTEX answers")
        parser.add_argument("--erp-url", required=True, help="where the simulated ERP answers")
        parser.add_argument(
            "--json", action="store_true", help="print how people sign in, with their passwords"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            people = load(vtex_url=options["vtex_url"], erp_url=options["erp_url"], now=clock.now())
        except InvalidInput as error:
            raise CommandError(f"{error.field}: {error}") from None
        if options["json"]:
            self.stdout.write(json.dumps([asdict(person) for person in people], ensure_ascii=False))
        else:
            self.stdout.write(f"The demo is loaded: {len(people)} people.")
