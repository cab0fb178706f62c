"""The words of a company's administration: roles, rights, and what is wrong with a form."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

from b2b_orders.portal.words import Text, Word


@dataclass(frozen=True, slots=True)
class Meaning:
    """A role or a right: what it is called, and what it means in plain words."""

    name: Promise
    means: Promise


ROLE: dict[str, Meaning] = {
    "buyer": Meaning(lazy("Buyer"), lazy("Orders with prices, documents and finance.")),
    "finance": Meaning(
        lazy("Finance"), lazy("The same rights as Buyer; says who handles payments.")
    ),
    "viewer": Meaning(lazy("Read only"), lazy("Orders and documents; no prices, no finance.")),
    "admin": Meaning(lazy("Company admin"), lazy("Everything, and manages people and settings.")),
}
RIGHT: dict[str, Meaning] = {
    "sees_prices": Meaning(lazy("Prices"), lazy("Amounts of orders, items and discounts.")),
    "sees_finance": Meaning(
        lazy("Finance"), lazy("What is to pay, boletos, and the data for paying them.")
    ),
    "manages_people": Meaning(lazy("People"), lazy("Invites, changes and removes people.")),
    "sees_access_record": Meaning(
        lazy("Access record"), lazy("Who opened orders and took documents, and when.")
    ),
}
# Settings of a company and their values, as the record names them.
SETTING: dict[str, Text] = {
    "default_scope": lazy("New people see"),
    "requires_second_factor": lazy("Second factor for everybody"),
    "may_join": lazy("May ask to join"),
    "company": lazy("Whole company"),
    "establishments": lazy("Chosen branches"),
}
WISH_STATE: dict[str, Text] = {
    "approved": lazy("Let in"),
    "declined": lazy("Declined"),
}
PROBLEM: dict[str, Text] = {
    "not-an-address": lazy("This is not an e-mail address."),
    "already-in": lazy("This person is in the company already."),
    "already-invited": lazy(
        "This address was invited already. Send that invitation again instead."
    ),
    "too-many-invitations": lazy("Too many invitations for one day. Go on tomorrow."),
    "sent-just-now": lazy("It was sent just now. Wait some minutes before sending it again."),
    "beyond-your-rights": lazy("You cannot give a right that you do not have yourself."),
    "beyond-your-scope": lazy("You can give access only to branches that you see yourself."),
    "no-establishment": lazy("Choose at least one branch."),
    "unknown-role": lazy("Choose a role."),
    "yourself": lazy("You cannot change or remove yourself. Ask another administrator."),
    "last-administrator": lazy(
        "This is the last administrator of the whole company. Make somebody else one first."
    ),
    "no-name": lazy("Write the name."),
    "person-exists": lazy("There is an account with this address. Log in with it."),
    "unknown-scope": lazy("Choose what new people see."),
    # Of a list that was uploaded.
    "no-file": lazy("Choose a file."),
    "too-large": lazy("The file is too large. It may have 2,000 lines at most."),
    "too-many-lines": lazy("The file has more than 2,000 lines. Divide it."),
    "not-csv": lazy("This is no CSV file. Save the spreadsheet as CSV and try again."),
    "empty": lazy("There is no line in the file but the heading."),
    "no-columns": lazy(
        "The first line must name the columns, with e-mail and role among them. Take the template."
    ),
    "already-applied": lazy("The people of this list were invited already."),
    "nobody-to-invite": lazy("No line of this list can be invited."),
}
# What to do about a line of a list.
LINE_PROBLEM: dict[str, Text] = {
    "not-an-address": lazy("This is not an e-mail address. Correct it."),
    "twice-in-list": lazy("This address stands further up already. Delete this line."),
    "already-in": lazy("This person is in the company already. Nothing to do."),
    "already-invited": lazy("This address was invited already. Nothing to do."),
    "unknown-role": lazy("Write buyer, finance, read only or administrator."),
    "unknown-tax-id": lazy("A CNPJ is none of the company's, or you do not see it."),
    "beyond-your-rights": lazy("You cannot give a right that you do not have yourself."),
    "beyond-your-scope": lazy("Name the branches: you do not see the whole company yourself."),
    "no-establishment": lazy('Name the branches, or write "all".'),
}
COLUMN: dict[str, Text] = {
    "email": lazy("E-mail"),
    "name": lazy("Name"),
    "role": lazy("Role"),
    "branches": lazy("Branches"),
}
INVITATION_STATE: dict[str, Word] = {
    "sending": Word(lazy("Being sent"), "info", "clock"),
    "sent": Word(lazy("Sent"), "info", "mail"),
    "failed": Word(lazy("Could not be sent"), "bad", "alert"),
    "expired": Word(lazy("Expired"), "warn", "clock"),
}
