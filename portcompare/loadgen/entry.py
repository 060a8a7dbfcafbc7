"""Logging in: the steps that a user does once before it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.encoding import encode_request
from portcompare.login import Kept, LoginFailed, fill, keep_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portcompare.loadgen.address import Address
    from portcompare.loadgen.connection import Connection
    from portcompare.model import LoginStep


def steps_of(login: Sequence[Sequence[LoginStep]], number: int) -> tuple[LoginStep, ...]:
    """The steps of one user.

    Args:
        login: For each step its variants.
        number: The user's, from 0.

    Returns:
        Of each step the variant with this number; after the last comes the first again.
    """
    return tuple(variants[number % len(variants)] for variants in login)


def log_in(steps: Sequence[LoginStep], connection: Connection, address: Address) -> Kept:
    """Do the steps of a login.

    Args:
        steps: The user's steps.
        connection: The user's connection.
        address: Whom they go to.

    Returns:
        What is kept of the answers.

    Raises:
        LoginFailed: At the first step that fails; the text says how, and which it is.
    """
    kept = Kept()
    for step in steps:
        request = fill(step.request, kept)
        data = encode_request(request, address.netloc)
        failure = connection.exchange(data, head_only=request.method == "HEAD")
        if failure is not None:
            raise LoginFailed(f"{failure} ({request.name})")
        answer = connection.answer
        try:
            kept = keep_from(step, kept, status=answer.status, headers=answer.headers(), body=answer.body)
        except LoginFailed as failed:
            raise LoginFailed(f"{failed} ({request.name})") from None
    return kept
