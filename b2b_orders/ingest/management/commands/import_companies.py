"""`manage.py import_companies FILE`: look at a list of companies, and take it over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations

from b2b_orders.accounts.models import Person
from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.models import CompanyImport, ImportSource, ImportState
from b2b_orders.ingest.company_imports import apply_some, read_import
from b2b_orders.ingest.company_lists import MAX_BYTES, decode


class Command(BaseCommand):
    help = (
        "Read a list of companies (CSV with the columns nome, cnpjs, ids, tipo, equipe) and say"
        " of each line what it would do; with --apply, do it. Conflicts are never applied."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the list")
        parser.add_argument("--apply", action="store_true", help="take over what can be")
        parser.add_argument(
            "--by", required=True, metavar="EMAIL", help="who of operations answers for it"
        )

    @no_translations
    def handle(self, *_: Any, **options: Any) -> None:
        person = Person.objects.filter(email__iexact=options["by"], staff__role="operations")
        found = person.first()
        if found is None:
            raise CommandError(f"--by: {options['by']} is nobody of operations")
        row = CompanyImport.objects.create(
            source=ImportSource.CSV,
            filename=Path(options["file"]).name[:150],
            content=_read(options["file"]),
            asked_by=found,
            asked_at=clock.now(),
        )
        try:
            counts = read_import(row=row, clock=clock.now)
        except InvalidInput as error:
            row.delete()
            raise CommandError(f"{options['file']}: {error.message}") from None
        for line in row.lines.filter(verdict__in=("conflict", "error")).order_by("number"):
            detail = line.values["detail"]
            self.stdout.write(
                f"line {line.number}: {line.verdict}: {line.problem}"
                + (f" ({detail})" if detail else "")
            )
        self.stdout.write(", ".join(f"{name}: {count}" for name, count in counts.items()))
        if not options["apply"]:
            self.stdout.write("Nothing was changed; --apply takes over what is new or adds.")
            return
        CompanyImport.objects.filter(pk=row.pk).update(state=ImportState.APPLYING)
        while apply_some(row=row, person_id=found.pk, now=clock.now()):
            pass
        CompanyImport.objects.filter(pk=row.pk).update(
            state=ImportState.APPLIED, finished_at=clock.now()
        )
        applied = row.lines.exclude(applied_at=None).count()
        self.stdout.write(f"Taken over: {applied} lines.")


def _read(name: str) -> str:
    path = Path(name)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CommandError(f"{name}: a list has at most 10 MB")
        return decode(path.read_bytes())
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}") from None
    except InvalidInput as error:
        raise CommandError(f"{name}: {error.message}") from None
