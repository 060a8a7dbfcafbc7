"""Readiness, for whoever starts or balances the service."""

from flask import Blueprint, Response, jsonify


def health_blueprint() -> Blueprint:
    """Build the route that tells that the service answers.

    Returns:
        A blueprint to register.
    """
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        """Answer that all is well."""
        return jsonify(status="ok")

    return blueprint
