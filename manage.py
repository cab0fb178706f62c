#!/usr/bin/env python
"""Start Django's commands; nothing else."""

import os
import sys

# These look at a file or a text and at nothing else: they run where nothing is set up.
STANDALONE = {"inspect_document", "inspect_number"}
UNUSED = {
    "PORTAL_SECRET_KEY": "unused",
    "PORTAL_ENCRYPTION_KEYS": "unused",
    "PORTAL_DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "PORTAL_BROKER_URL": "redis://127.0.0.1:1/0",
    "PORTAL_CACHE_URL": "redis://127.0.0.1:1/0",
}

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "b2b_orders.settings.base")
    if STANDALONE.intersection(sys.argv[1:2]):
        for name, value in UNUSED.items():
            os.environ.setdefault(name, value)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
