"""VTEX: its Orders API and feed, and what its orders say in our words."""
