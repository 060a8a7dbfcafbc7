"""The data as another service has them, asked for over HTTP on connections that are kept."""

from itertools import cycle

import httpx
from quart import Blueprint, Response, jsonify
from werkzeug.exceptions import BadGateway, GatewayTimeout, ServiceUnavailable

from .config import Config
from .parameters import read_delay

# For each request, httpx goes through its client's connections, and for each idle one through them all again.
# So there are many clients with few connections each. Together they have room for more requests than a worker
# ever has under way: one client's own limit, 100, would be a ceiling that nobody sees.
CLIENTS = 16
CONNECTIONS_OF_A_CLIENT = 64


def upstream_blueprint(config: Config) -> Blueprint:
    """Build the route.

    Args:
        config: Its delays are the default and the limit of what a request may ask for; it tells where the
            upstream is, and how long to wait for it.

    Returns:
        A blueprint to register.
    """
    blueprint = Blueprint("upstream", __name__)
    clients = _open_clients(config)
    for client in clients:
        blueprint.after_app_serving(client.aclose)
    turns = cycle(clients)

    @blueprint.get("/data/upstream")
    async def upstream() -> Response:
        """Answer the data, or why there are none."""
        delay = read_delay(config)
        if not clients:
            raise ServiceUnavailable("No upstream is configured: DATA_UPSTREAM_URL is not set.")
        try:
            answer = await next(turns).get("/data", params={"delay": delay})
            return jsonify(message=answer.raise_for_status().json()["message"])
        except httpx.TimeoutException as error:
            raise GatewayTimeout("The upstream has not answered in time.") from error
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            raise BadGateway("The upstream has not answered as it should.") from error

    return blueprint


def _open_clients(config: Config) -> list[httpx.AsyncClient]:
    """Open clients, if there is an upstream; they live as long as their worker."""
    if not config.data_upstream_url:
        return []
    tls = httpx.create_ssl_context()  # to make one takes longer than all else here
    return [
        httpx.AsyncClient(
            base_url=config.data_upstream_url,
            timeout=config.data_upstream_timeout_s,
            limits=httpx.Limits(
                max_connections=CONNECTIONS_OF_A_CLIENT, max_keepalive_connections=CONNECTIONS_OF_A_CLIENT
            ),
            verify=tls,
            trust_env=False,  # the machine's proxies have no say in who is asked
        )
        for _ in range(CLIENTS)
    ]
