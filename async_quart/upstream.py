"""The data as another service has them, asked for over HTTP on connections that are kept."""

import httpx
from quart import Blueprint, Response, jsonify
from werkzeug.exceptions import BadGateway, GatewayTimeout, ServiceUnavailable

from .config import Config
from .parameters import read_delay

# More than a worker ever has under way: httpx's own limit of 100 would be a ceiling that nobody sees.
CONNECTIONS = 1000


def upstream_blueprint(config: Config) -> Blueprint:
    """Build the route.

    Args:
        config: Its delays are the default and the limit of what a request may ask for; it tells where the
            upstream is, and how long to wait for it.

    Returns:
        A blueprint to register.
    """
    blueprint = Blueprint("upstream", __name__)
    client = _open_client(config)
    if client is not None:
        blueprint.after_app_serving(client.aclose)

    @blueprint.get("/data/upstream")
    async def upstream() -> Response:
        """Answer the data, or why there are none."""
        delay = read_delay(config)
        if client is None:
            raise ServiceUnavailable("No upstream is configured: DATA_UPSTREAM_URL is not set.")
        try:
            answer = await client.get("/data", params={"delay": delay})
            return jsonify(message=answer.raise_for_status().json()["message"])
        except httpx.TimeoutException as error:
            raise GatewayTimeout("The upstream has not answered in time.") from error
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            raise BadGateway("The upstream has not answered as it should.") from error

    return blueprint


def _open_client(config: Config) -> httpx.AsyncClient | None:
    """Open a client, if there is an upstream; it lives as long as its worker."""
    if not config.data_upstream_url:
        return None
    return httpx.AsyncClient(
        base_url=config.data_upstream_url,
        timeout=config.data_upstream_timeout_s,
        limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        trust_env=False,  # the machine's proxies have no say in who is asked
    )
