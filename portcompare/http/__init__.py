"""Requests, placeholders, logins, encoding and bodies: shared by parity and load."""
