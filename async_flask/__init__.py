"""The Flask twin with an `async def` view for /data: half a port, still a WSGI application."""
