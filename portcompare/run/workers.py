"""Who generates the load: this process, several here, or workers on other machines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from portcompare.errors import Problem, refuse
from portcompare.plan import Plan
from portcompare.wire.protocol import Gather

LOOPBACK: Final = "127.0.0.1"
DEFAULT_PORT: Final = 5557  # Locust's own
_THIS_MACHINE = (LOOPBACK, "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """The processes that generate the load."""

    processes: int  # on this machine
    expect: int  # workers that join from elsewhere; 0 for none
    host: str  # the address where those join
    port: int
    is_apart: bool = False  # whether a single process is a worker too, as the leading one has other work

    def order(self, cpus: Iterable[int]) -> Gather | None:
        """The order to the load generator; None if it generates the load itself."""
        if self.expect:
            return Gather(workers=self.expect, here=False, cpus=tuple(cpus), host=self.host, port=self.port)
        if self.processes > 1 or self.is_apart:
            return Gather(workers=self.processes, here=True, cpus=tuple(cpus), host=LOOPBACK, port=0)
        return None


ALONE: Final = Workers(processes=1, expect=0, host=LOOPBACK, port=0)  # the load generator alone


def choose_workers(processes: int, expect: int, listen: str | None) -> Workers:
    """Combine the options; raises InputError if they contradict each other, or name no address."""
    if expect and processes > 1:
        remedy = "give --processes for this machine alone, or --expect-workers for workers that join"
        raise refuse("--processes, --expect-workers", "both are given", remedy)
    if listen is not None and not expect:
        remedy = "give the number of workers to wait for: --expect-workers N"
        raise refuse("--listen", "no worker is expected", remedy)
    host, port = (LOOPBACK, DEFAULT_PORT) if listen is None else read_endpoint("--listen", listen)
    return Workers(processes=processes, expect=expect, host=host, port=port)


def find_unreachable(workers: Workers, plan: Plan) -> Iterator[Problem]:
    """Find servers that workers on other machines cannot reach."""
    if not workers.expect or workers.host == LOOPBACK:
        return
    urls = {arm.deployment: plan.deployments[arm.deployment].url for arm in plan.arms}
    for name, url in urls.items():
        if url is not None and urlsplit(url).hostname in _THIS_MACHINE:
            found = f"is {url}, which for workers on other machines is their own machine"
            yield plan.problem(("deployments", name, "url"), found, "give an address that they can reach")
    if plan.host.is_loopback and None in urls.values():
        found = f"is {plan.host}, which for workers on other machines is their own machine"
        remedy = "give the address of this machine that they can reach, as with --listen"
        yield plan.problem(("host",), found, remedy)


def read_endpoint(flag: str, text: str) -> tuple[str, int]:
    """Read HOST or HOST:PORT; raises InputError if the text is neither."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host = None
    if not host or parts.path:
        remedy = f"write HOST or HOST:PORT, such as {LOOPBACK}:{DEFAULT_PORT} or [::1]:{DEFAULT_PORT}"
        raise refuse(flag, f"{text!r} is not an address", remedy)
    return (f"[{host}]" if ":" in host else host), port
