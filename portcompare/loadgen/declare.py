"""What a locustfile says of values from files, and of logging in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from portcompare.login import KEEP
from portcompare.model import LoginStep, RequestSpec
from portcompare.placeholders import NAME, fill_in, names_in
from portcompare.rows import Row, read_rows, share_weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Mix(dict[RequestSpec, float]):
    """Requests filled from rows, and their weights.

    Attributes:
        left: The names of placeholders that no column fills.
    """

    left: frozenset[str] = frozenset()


class Variants(list[LoginStep]):
    """The variants of a login step, one for each row; the n-th user takes the n-th.

    Attributes:
        left: The names of placeholders that no column fills.
    """

    left: frozenset[str] = frozenset()


def with_values(requests: Mapping[RequestSpec, float], values: Path | str) -> Mix:
    """Have requests filled from a file: each row makes a request of its own.

    Args:
        requests: Requests with `{column}` placeholders, and their weights.
        values: A CSV file (with a line of column names) or a JSON Lines file.

    Returns:
        For `requests` of a user class: a request's weight is shared by its rows, which keep its name.

    Raises:
        InputError: If the file cannot be used.
        ValueError: If a request uses none of the columns.
    """
    rows = read_rows(Path(values))
    mix = Mix(share_weights((_fill_each(request, rows), weight) for request, weight in requests.items()))
    mix.left = _left(requests, rows)
    return mix


def login_step(
    request: RequestSpec, *, keep: Mapping[str, str] | None = None, values: Path | str | None = None
) -> Variants:
    """Declare what a user does once before it asks.

    Args:
        request: What it sends; `{name}` takes what an earlier step kept.
        keep: For each value to keep of the answer, where it stands: `json:/pointer`, `header:Name` or
            `cookie:name`. It fills `{name}` in what follows. Cookies are kept anyway.
        values: A file as `with_values` takes; the n-th user takes the n-th row, and begins again after the
            last.

    Returns:
        For `login` of a user class.

    Raises:
        InputError: If the file cannot be used.
        ValueError: If `keep` is not of that form, or the request uses none of the columns.
    """
    for name, where in (keep or {}).items():
        if not re.fullmatch(NAME, name):
            raise ValueError(f"{name!r} cannot stand in braces: use letters, digits, _ and -")
        if not re.fullmatch(KEEP, where):
            raise ValueError(f"{where!r} is not `json:/pointer`, `header:Name` or `cookie:name`")
    rows = read_rows(Path(values)) if values is not None else ()
    requests = _fill_each(request, rows) if rows else (request,)
    kept = tuple((keep or {}).items())
    variants = Variants(LoginStep(request=filled, keep=kept) for filled in requests)
    variants.left = _left([request], rows)
    return variants


def _fill_each(request: RequestSpec, rows: tuple[Row, ...]) -> tuple[RequestSpec, ...]:
    if not names_in(request) & rows[0].values.keys():
        raise ValueError(f"{request.name!r} uses none of the columns: {', '.join(rows[0].values)}")
    return tuple(fill_in(request, row.values) for row in rows)


def _left(requests: Iterable[RequestSpec], rows: tuple[Row, ...]) -> frozenset[str]:
    columns = rows[0].values.keys() if rows else frozenset()
    return frozenset(name for request in requests for name in names_in(request) - columns)
