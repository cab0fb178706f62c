#!/usr/bin/env python
"""Start Django's commands; nothing else."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "b2b_orders.settings.base")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
