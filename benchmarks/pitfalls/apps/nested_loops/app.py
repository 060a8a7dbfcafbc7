"""An async client behind an interface that was written for Flask."""

import asyncio

import nest_asyncio
from quart import Quart

app = Quart(__name__)
nest_asyncio.apply()


async def query(number):
    """Send a query to the database."""
    await asyncio.sleep(0.02)
    return {"id": number}


class Repository:
    """The old interface."""

    def get(self, number):
        """Read a row."""
        return asyncio.get_event_loop().run_until_complete(query(number))  # here


repository = Repository()


@app.get("/rows/<int:number>")
async def row(number):
    return repository.get(number)
