"""What a Flask service gains from a port to Quart, and whether the port still responds the same."""
