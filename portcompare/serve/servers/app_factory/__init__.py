"""The folder on PYTHONPATH from which servers import what calls a factory: nothing else may be in it."""
