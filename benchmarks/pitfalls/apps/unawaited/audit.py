"""The audit log."""

import asyncio


async def record(action, number):
    """Record what was done."""
    await asyncio.sleep(0.001)
    return f"{action} {number}"
