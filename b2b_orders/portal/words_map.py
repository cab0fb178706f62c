"""The words of the pages about the map of companies, as tables: see `words`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as lazy

from b2b_orders.portal.words import Text, Word

CHANGE: dict[str, Text] = {
    "move": lazy("Move to another company"),
    "split": lazy("Split into a new company"),
    "merge": lazy("Merge into another company"),
    "undo": lazy("Undo a change"),
}

CHANGE_STATE: dict[str, Word] = {
    "waiting": Word(lazy("Waits for a second person"), "warn", "clock"),
    "rejected": Word(lazy("Rejected"), "plain", "cross"),
    "doing": Word(lazy("Orders are being moved"), "info", "clock"),
    "done": Word(lazy("Done"), "good", "check"),
    "failed": Word(lazy("Not done"), "bad", "alert"),
    "undone": Word(lazy("Undone"), "plain", "check"),
}

CONFLICT: dict[str, Text] = {
    "tax_id": lazy("A tax id that two claim"),
    "customer_id": lazy("An id that two claim"),
    "organisation": lazy("One name for what is in two companies"),
}

CLAIMED_BY: dict[str, Text] = {
    "map": lazy("Our map"),
    "operations": lazy("Operations"),
    "csv": lazy("A list (CSV)"),
}

IMPORT_SOURCE: dict[str, Text] = {
    "csv": lazy("CSV file"),
    "vtex": lazy("VTEX Master Data"),
    "erp": lazy("ERP"),
}

IMPORT_STATE: dict[str, Word] = {
    "waiting": Word(lazy("Being read"), "info", "clock"),
    "read": Word(lazy("Waits for you"), "warn", "inbox"),
    "applying": Word(lazy("Being taken over"), "info", "clock"),
    "applied": Word(lazy("Taken over"), "good", "check"),
    "failed": Word(lazy("Cannot be read"), "bad", "alert"),
    "dropped": Word(lazy("Left"), "plain", "cross"),
}

VERDICT: dict[str, Word] = {
    "new": Word(lazy("New company"), "info", "inbox"),
    "adds": Word(lazy("Adds to a company"), "info", "next"),
    "same": Word(lazy("Known already"), "plain", "check"),
    "conflict": Word(lazy("Conflict"), "warn", "alert"),
    "error": Word(lazy("Error"), "bad", "cross"),
}

# What is wrong with a line of a list, or with all of it.
PROBLEM: dict[str, Text] = {
    "two-companies-claim": lazy("It joins what belongs to two companies."),
    "twice-in-list": lazy("The list gives it to two companies."),
    "name-taken": lazy("There is a company of that name, and nothing says that it is this one."),
    "name-of-another": lazy("It has the name of one company and what belongs to another."),
    "moved-meanwhile": lazy("It belongs to another company by now. Give the list again."),
    "tax-id-wrong": lazy("This is no CNPJ, CPF or foreign tax id."),
    "too-many-cells": lazy("The line has more cells than the heading."),
    "company-name-missing": lazy("The name is missing."),
    "name-too-long": lazy("A name has at most 150 characters."),
    "customer-type-too-long": lazy("A customer type has at most 40 characters."),
    "nothing-to-know-it-by": lazy("It has neither a tax id nor an id."),
    "too-many-parts": lazy("A line has at most 200 tax ids and 200 ids."),
    "id-wrong": lazy("Write ids as connection=id."),
    "id-missing": lazy("The id is missing or too long."),
    "vtex-id-wrong": lazy(
        "Write a VTEX id as organization:…, cost_center:…, contract:… or company_id:…."
    ),
    "connection-missing": lazy("There is no such connection."),
    "team-wrong": lazy("There is no such team."),
    "cannot-apply": lazy("It could not be taken over."),
    "cannot-list-companies": lazy("This ERP's interface lists no companies."),
    "file-not-text": lazy("The file is no text."),
    "file-not-csv": lazy("The file is no CSV file that we can read."),
    "columns-missing": lazy("The first line must name the columns: nome, cnpjs, ids."),
    "too-many-lines": lazy("A list has at most 20,000 lines."),
    "not-found": lazy("The source does not have it."),
    "unreachable": lazy("The source does not answer."),
    "credentials-rejected": lazy("The source refuses our key."),
    "throttled": lazy("The source asks to wait."),
}
