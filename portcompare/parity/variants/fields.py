"""Header fields of a request: looking one up, and changing it."""

from __future__ import annotations

Fields = tuple[tuple[str, str], ...]


def field(fields: Fields, name: str) -> str | None:
    """The value of a header field.

    Args:
        fields: Name and value pairs.
        name: The field's name; case does not matter.

    Returns:
        The first value, or None if there is no such field.
    """
    return next((value for given, value in fields if given.lower() == name.lower()), None)


def without_fields(fields: Fields, *names: str) -> Fields:
    """The fields but for those of some names, whose case does not matter."""
    left_out = {name.lower() for name in names}
    return tuple((given, value) for given, value in fields if given.lower() not in left_out)


def with_field(fields: Fields, name: str, value: str) -> Fields:
    """The fields, that of one name replaced, or added at the end."""
    return (*without_fields(fields, name), (name, value))
