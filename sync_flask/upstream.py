"""The data from another service, requested over HTTP on connections that are kept open."""

import atexit
from itertools import cycle

import httpx
from flask import Flask, Response, jsonify
from werkzeug.exceptions import BadGateway, GatewayTimeout, ServiceUnavailable

from .config import Config
from .parameters import read_delay

# For each request, httpx goes through its client's connections, and for each idle one through them all again.
# So there are many clients with few connections each. Together they have room for more requests than a worker
# ever has under way: one client's own limit, 100, would be a ceiling that nobody sees.
CLIENTS = 16
CONNECTIONS_PER_CLIENT = 64


def add_routes(app: Flask, config: Config) -> None:
    """Add the route to the application."""
    clients = _open_clients(config)
    for client in clients:
        atexit.register(client.close)
    turns = cycle(clients)

    @app.get("/data/upstream")
    def upstream() -> Response:
        """Send the message of the upstream, or why there is none."""
        delay_s = read_delay(config)
        if not clients:
            raise ServiceUnavailable("No upstream is configured: DATA_UPSTREAM_URL is not set.")
        try:
            response = next(turns).get("/data", params={"delay": delay_s})
            return jsonify(message=response.raise_for_status().json()["message"])
        except httpx.TimeoutException as error:
            raise GatewayTimeout("The upstream sent no response in time.") from error
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            raise BadGateway("The upstream sent no valid response.") from error


def _open_clients(config: Config) -> list[httpx.Client]:
    """Open clients that live as long as the worker; none without an upstream."""
    if not config.data_upstream_url:
        return []
    tls = httpx.create_ssl_context()  # shared, because it takes longer to make than all else here
    limits = httpx.Limits(
        max_connections=CONNECTIONS_PER_CLIENT, max_keepalive_connections=CONNECTIONS_PER_CLIENT
    )
    return [
        httpx.Client(
            base_url=config.data_upstream_url,
            timeout=config.data_upstream_timeout_s,
            limits=limits,
            verify=tls,
            trust_env=False,  # the requests must not go through the machine's proxy
        )
        for _ in range(CLIENTS)
    ]
