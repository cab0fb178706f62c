"""`manage.py build_messages`: bring the catalogues of words up to the source and compile them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from b2b_orders.portal import catalogues


class Command(BaseCommand):
    help = "Updates b2b_orders/locale from the source, and compiles it. Needs no GNU gettext."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 Django's signature
        """Build every language and say what lacks words."""
        for language in catalogues.LANGUAGES:
            lacking = catalogues.build(language)
            self.stdout.write(f"{language}: {lacking} texts without words")
