"""Requests to a small app."""

from typing import Any

Request = tuple[str, str, dict[str, Any]]


def get(path: str, **named: object) -> Request:
    return "GET", path, named


def post(path: str, **named: object) -> Request:
    return "POST", path, named
