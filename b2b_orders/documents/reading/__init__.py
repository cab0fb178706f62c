"""Reads files of orders and judges them: pure functions over bytes, without a database.

`inspection.inspect` is the way in. Nothing is ever re-serialised for delivery: a signature
holds for the bytes as they came.
"""
