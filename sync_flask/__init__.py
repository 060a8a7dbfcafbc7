"""The service on Flask: a WSGI application, one thread per request under way."""
