"""The rates of a bank."""

import os
from decimal import Decimal

import requests

BANK = os.environ["UPSTREAM"]


async def current_rate(source, target):
    """How many units of the target one of the source buys."""
    response = requests.get(f"{BANK}/rates", params={"from": source, "to": target}, timeout=10)  # here
    response.raise_for_status()
    return Decimal("1.1")
