"""Servers that need no installation, for the demo, the tests and a small seller.

Standard library only, and no Django: these modules run before any settings can be read.
"""
