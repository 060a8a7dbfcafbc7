"""Invoices, rendered by a library that blocks."""

import asyncio
import time

from quart import Blueprint, Quart

invoices = Blueprint("invoices", __name__, url_prefix="/invoices")


def render(number):
    """Render an invoice, as a library does that was written for threads."""
    time.sleep(0.15)
    return f"<h1>Invoice {number}</h1>"


@invoices.get("/<int:number>")
async def invoice(number):
    return await asyncio.to_thread(render, number)  # here


app = Quart(__name__)
app.register_blueprint(invoices)
