"""The Flask twin with `async def` in the place of the data's view: half a port, still a WSGI application."""
