"""A pool of database connections."""

import asyncio
from contextlib import asynccontextmanager


class Connection:
    """A connection to the database, with 40 ms to it and back."""

    async def fetch(self, query):
        """Send a query."""
        await asyncio.sleep(0.04)
        return [{"query": query}]


class Pool:
    """Connections that are shared."""

    def __init__(self, size=1):
        self._free = asyncio.Queue(size)
        for _ in range(size):
            self._free.put_nowait(Connection())

    @asynccontextmanager
    async def connection(self):
        """Take a connection, and put it back."""
        connection = await self._free.get()  # here
        try:
            yield connection
        finally:
            self._free.put_nowait(connection)
