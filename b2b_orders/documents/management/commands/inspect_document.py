"""`manage.py inspect_document FILE`: what we read in a file, and what we would do with it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from b2b_orders.common import clock
from b2b_orders.documents.management.options import day, say
from b2b_orders.documents.reading.findings import Context, Finding, Instalment, Word, action_of
from b2b_orders.documents.reading.formats import Format
from b2b_orders.documents.reading.inspection import inspect, instalments_of
from b2b_orders.documents.reading.judge import NFE_ROOTS
from b2b_orders.documents.reading.schema import fits_schema
from b2b_orders.documents.reading.xml import NFE
from erp_bridge.identifiers import normalise_tax_id, valid_cnpj, valid_cpf

_MAX_BYTES = 50_000_000


class Command(BaseCommand):
    help = (
        "Read a file and judge it as the portal does: what it is, what it says, and whether it"
        " would be handed out. Needs no database."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?")
        parser.add_argument(
            "--tax-id",
            action="extend",
            nargs="+",
            default=[],
            metavar="CNPJ",
            help="a tax id of the company that asks; without any nobody asks whose the file is",
        )
        parser.add_argument(
            "--with",
            action="extend",
            nargs="+",
            default=[],
            dest="related",
            metavar="FILE",
            help="another file of the same invoice: its XML, its events",
        )
        parser.add_argument(
            "--reference-date", type=day, help="the day from which due factors are read (today)"
        )
        parser.add_argument("--same-root", action="store_true", help="as if branches were allowed")
        parser.add_argument(
            "--active-content", choices=("refuse", "warn"), default="refuse", help="as if set so"
        )
        parser.add_argument("--json", action="store_true", help="write it for a machine")

    def handle(self, *_args: object, **options: Any) -> None:
        path = _main_file(options)
        content = _content(path)
        base = Context(
            tax_ids=_tax_ids(options["tax_id"]),
            reference=options["reference_date"] or clock.now().date(),
            expected="pdf" if path.suffix.lower() == ".pdf" else "xml",
        )
        finding = inspect(io.BytesIO(content), _with(base, options["related"]))
        told = _told(path, content, finding)
        told["action"] = action_of(
            finding.word,
            has_reasons=bool(finding.reasons),
            same_root_allowed=options["same_root"],
            active_content=options["active_content"],
        )
        if base.tax_ids is None:
            told["notes"] = ["recipient not checked: no --tax-id was given"]
        if options["json"]:
            self.stdout.write(json.dumps(told, indent=2))
        else:
            say(self, "\n".join(_lines(told)))


def _main_file(options: dict[str, Any]) -> Path:
    """Find the file, also where an option that takes several values has swallowed it."""
    if options["file"]:
        return Path(options["file"])
    for name in ("related", "tax_id"):
        if len(options[name]) > 1:
            return Path(options[name].pop())
    raise CommandError("name the file to read", returncode=2)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read: {error}", returncode=2) from error


def _tax_ids(given: list[str]) -> frozenset[str] | None:
    stated = [one for text in given for one in text.split(",") if one.strip()]
    for one in stated:
        if not valid_cnpj(one) and not valid_cpf(one):
            raise CommandError(f"{one} is neither a CNPJ nor a CPF", returncode=2)
    return frozenset(normalise_tax_id(one) for one in stated) or None


def _with(base: Context, related: list[str]) -> Context:
    """Take what other files of the invoice say: what it announced, and that it is cancelled."""
    cancelled: set[str] = set()
    instalments: list[Instalment] = []
    for name in related:
        finding = inspect(io.BytesIO(_content(Path(name))), Context(expected="xml"))
        if finding.word is Word.EVENT_CANCELS:
            cancelled.add(finding.facts["access_key"])
        elif finding.facts.get("root") in NFE_ROOTS and finding.word is not Word.REFUSE:
            instalments.extend(instalments_of(finding.facts))
    return Context(
        tax_ids=base.tax_ids,
        cancelled_keys=frozenset(cancelled),
        instalments=tuple(instalments),
        reference=base.reference,
        expected=base.expected,
    )


def _told(path: Path, content: bytes, finding: Finding) -> dict[str, Any]:
    told: dict[str, Any] = {
        "file": path.name.encode("utf-8", "replace").decode(),
        "size": len(content),
        "format": finding.format.value,
        **({} if finding.decoded is None else {"decoded_from_base64": True}),
        **finding.facts,
        "verdict": finding.word.value,
        "reasons": list(finding.reasons),
    }
    if finding.remark:
        told["reason"] = finding.remark
    if finding.signature:
        root = finding.facts["root"]
        whole = content if finding.decoded is None else finding.decoded
        told |= {
            "signature": finding.signature,
            "xsd_valid_pl4": fits_schema(whole, NFE + root) if root in NFE_ROOTS else None,
            "access_key_check_digit_ok": finding.key_ok,
        }
        if finding.emitter_matches_key is not None:
            told["emitter_matches_key"] = finding.emitter_matches_key
    return told


# --- for a person --------------------------------------------------------------------------

_ACTIONS = {
    "serve": "handed out",
    "serve_with_warning": "handed out, with a warning",
    "refuse": "refused",
}
_HIDDEN = frozenset({"file", "size", "format", "verdict", "reasons", "reason", "action", "notes"})


def _lines(told: dict[str, Any]) -> Iterator[str]:
    yield f"{told['file']}: {told['format']}, {told['size']} bytes"
    why = told.get("reason") or ", ".join(told["reasons"])
    because = f" ({', '.join(told['reasons']) or 'no doubts'})"
    yield f"Would be {_ACTIONS[told['action']]}. Verdict: {told['verdict']}{because}"
    if why and why not in because:
        yield f"  {why}"
    for note in told.get("notes", ()):
        yield f"  {note}"
    if told["format"] in {Format.EMPTY, Format.UNKNOWN}:
        return
    yield ""
    for name, value in told.items():
        is_told = value is not None and value != [] and value != {}
        if name not in _HIDDEN and is_told:
            yield from _fact(name, value)


def _fact(name: str, value: Any) -> Iterator[str]:
    label = f"{name.replace('_', ' ')}:"
    if isinstance(value, dict):
        inner = ", ".join(f"{k} {v}" for k, v in value.items() if v is not None)
        yield f"{label:<28}{inner}"
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield label
        for one in value:
            yield "  " + "  ".join(str(v) for v in one.values() if v is not None)
    elif isinstance(value, list):
        yield f"{label:<28}{', '.join(str(v) for v in value)}"
    else:
        yield f"{label:<28}{value}"
