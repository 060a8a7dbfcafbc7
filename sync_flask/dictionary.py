"""The data as a dictionary, of which the framework makes JSON."""

from flask import Blueprint


def dictionary_blueprint() -> Blueprint:
    """Build the route.

    Returns:
        A blueprint to register.
    """
    blueprint = Blueprint("dictionary", __name__)

    @blueprint.get("/data/dict")
    def dictionary() -> dict[str, str]:
        """Answer the data."""
        return {"message": "Hello"}

    return blueprint
