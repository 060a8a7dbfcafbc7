"""Mails that are sent after the response."""

import asyncio

from quart import Quart

app = Quart(__name__)
sent = []


async def send_mail(number):
    """Send a mail."""
    await asyncio.sleep(0.02)
    sent.append(number)


@app.get("/orders/<int:number>")
async def order(number):
    app.add_background_task(send_mail, number)
    return {"order": number}
