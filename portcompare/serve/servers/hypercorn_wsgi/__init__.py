"""The folder that hypercorn puts in front of `sys.path` to serve WSGI apps: nothing else may be in it."""
