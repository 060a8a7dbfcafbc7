"""The service on Quart: an ASGI application, one event loop for every request under way."""
