"""The faults that are injected, and how a run must end for each: `docs/faults.md` is made of this table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from portcompare.serve.servers import SERVERS

EVERY_SERVER = tuple(f"{name} {interface}" for name, one in SERVERS.items() for interface in one.interfaces)
REPLACING = tuple(one for one in EVERY_SERVER if one.startswith("gunicorn"))  # a worker that has ended
OTHERS = tuple(one for one in EVERY_SERVER if one not in REPLACING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault, and how a run with it ends."""

    name: str  # what happens, in a sentence
    kind: Literal["server", "network", "process", "resource", "input"]
    # At most one of these: a fault of `service.py`, one of `proxy.py`, or a function of `actions.py`
    app: str = ""
    proxy: str = ""
    action: str = ""
    # Of an action: "at the start", "as servers start", "after the first rounds" or "as reports are written"
    when: str = "after the first rounds"
    exit_codes: tuple[int, ...] = (3,)  # several if chance decides; -9: it is killed
    says: str = ""  # what is among the output, the warnings and the reasons of the run
    kept: str = "a whole run"  # or "the rounds so far", or "nothing"
    plan: Mapping[str, object] = field(default_factory=dict)  # values by dotted keys
    arguments: tuple[str, ...] = ()
    command: str = "run"
    under: tuple[str, ...] = ()  # what starts portcompare; skipped where that is not allowed
    servers: tuple[str, ...] = ("gunicorn wsgi",)
    fast: str = ""  # the server on which `make test` injects it; `make faults` injects it on all

    @property
    def is_valid(self) -> bool:
        """Whether the run may be valid: its figures are true then."""
        return self.kept == "a whole run" and not {1, 3}.issuperset(self.exit_codes)


def _shell(script: str, *before: str) -> tuple[str, ...]:
    """What runs a command in a shell, in which it is `"$@"`."""
    return (*before, "sh", "-c", script, "sh")


# A file system of its own for the run's folder, whose files are copied when the command has ended.
_SMALL_DISK = _shell(
    'mkdir ../run && mount -t tmpfs -o size=4m tmpfs ../run && "$@"; status=$?; rm -f ../run/filler; '
    "cp -r ../run ../kept; umount ../run; rmdir ../run; mv ../kept ../run; exit $status",
    *("unshare", "-rm"),
)
_LOSSY = _shell(
    'ip link set lo up && tc qdisc add dev lo root netem loss 5% delay 1ms && exec "$@"', "unshare", "-rn"
)

NO_RESPONSE, CLOSED = "no complete response in time", "connection closed after the request was sent"
ENDED = "bad: ended with status"
FIRST, PARTIAL = "gunicorn wsgi", "the rounds so far"
FIVE_BLOCKS: dict[str, object] = {"rounds.min_blocks": 5, "rounds.max_blocks": 5}  # for a sure verdict
_of_server = partial(
    Fault,
    kind="server",
    says=NO_RESPONSE,
    exit_codes=(1,),
    plan={"rounds.timeout_s": 0.5},
    servers=EVERY_SERVER,
)
_of_network = partial(Fault, kind="network", exit_codes=(1, 3), servers=("waitress wsgi",))
_of_process = partial(Fault, kind="process", kept=PARTIAL)
_before_rounds = partial(Fault, kind="process", exit_codes=(130,), kept="nothing")
_of_input = partial(Fault, kind="input", exit_codes=(2,), kept="nothing", fast=FIRST)


FAULTS = (
    _of_server(name="the candidate freezes", app="freeze"),
    _of_server(name="the candidate never responds under load", app="hang"),
    _of_server(name="the candidate responds to its first user only", app="first user", fast="uvicorn asgi"),
    _of_server(
        name="the candidate stands still for 1.5 s, every 60 requests", app="pause", exit_codes=(1, 3)
    ),
    _of_server(
        name="the candidate drops 8% of the requests",
        app="drop",
        says=CLOSED,
        exit_codes=(1, 3),
        fast="gunicorn-gevent wsgi",
    ),
    Fault(
        name="a worker of the candidate dies every 60 requests, and is replaced",
        kind="server",
        app="die",
        servers=REPLACING,
        exit_codes=(1, 3),
        says="of the requests failed",
        fast=FIRST,
    ),
    Fault(
        name="a worker of the candidate restarts every 60 requests",
        kind="server",
        app="restart",
        servers=REPLACING,
        exit_codes=(0,),
        says="servers closed connections, and so many requests had to connect first",
    ),
    *(
        Fault(
            name=f"the candidate {name} after 60 requests",
            kind="server",
            app=app,
            servers=OTHERS,
            says=ENDED,
            kept="nothing",
        )
        for app, name in (("die", "dies"), ("restart", "ends"))
    ),
    _of_server(
        name="the candidate's responses trickle, a byte each 0.05 s",
        app="trickle",
        plan={"rounds.seconds": 1.0} | FIVE_BLOCKS,
        exit_codes=(0,),
        says="slower",
    ),
    _of_network(
        name="on the network, each response takes 0.05 s longer",
        proxy="delay",
        says="slower",
        exit_codes=(0,),
        plan=FIVE_BLOCKS,
    ),
    _of_network(
        name="on the network, 8% of the connections end instead of a response", proxy="drop", says=CLOSED
    ),
    _of_network(
        name="on the network, 8% of the connections are reset",
        proxy="reset",
        says="connection reset",
        fast="waitress wsgi",
    ),
    _of_network(
        name="on the network, 8% of the responses are cut off", proxy="truncate", says="incomplete response"
    ),
    _of_network(
        name="on the network, responses are lost, and connections stay open",
        proxy="half-open",
        says=NO_RESPONSE,
        exit_codes=(1,),
    ),
    Fault(
        name="the network loses 5% of all packets",
        kind="network",
        under=_LOSSY,
        exit_codes=(0,),
        says="front",
    ),
    _before_rounds(name="portcompare receives SIGHUP", action="hang_up", when="at the start"),
    _before_rounds(name="portcompare receives SIGINT", action="interrupt", when="as servers start"),
    _before_rounds(
        name="portcompare receives SIGINT while it counts instructions",
        action="interrupt",
        when="as servers start",
        command="work",
    ),
    _of_process(
        name="portcompare receives SIGTERM",
        action="terminate",
        exit_codes=(130,),
        says="what was measured is kept",
        fast=FIRST,
    ),
    Fault(
        name="portcompare receives SIGINT",
        kind="process",
        action="interrupt",
        when="as reports are written",
        exit_codes=(130,),
        says="the reports are not: portcompare report",
    ),
    _of_process(name="portcompare is killed", action="kill", exit_codes=(-9,), fast=FIRST),
    _of_process(name="the candidate's server is killed", action="kill_candidate", says=ENDED, fast=FIRST),
    _of_process(
        name="the load generator is killed", action="kill_generator", says="the load generator ended"
    ),
    _of_process(name="all watchdogs are killed", action="kill_watchdogs", says="broke off"),
    Fault(
        name="a load worker is killed",
        kind="process",
        action="kill_worker",
        arguments=("--processes", "2"),
        plan={"rounds.max_blocks": 5},
        exit_codes=(0, 3),
        says="was lost during the round",
    ),
    _of_process(
        name="a load worker is paused for 65 s",
        action="pause_worker",
        arguments=("--processes", "2"),
        exit_codes=(130,),
        says="was lost",
    ),
    *(
        Fault(name=name, kind="resource", action=action, under=under, says=says, kept=kept)
        for name, action, under, says, kept in (
            ("the run's folder is deleted", "delete_folder", (), "what was measured", PARTIAL),
            ("a file takes the place of the folder", "replace_folder", (), "could not be written", "nothing"),
            ("the disk is full", "fill_disk", _SMALL_DISK, "No space left on device", PARTIAL),
        )
    ),
    _of_input(
        name="2,000 users need more open files than are allowed",
        plan={"scenarios.front.load.users": [2000]},
        says="need 2,200 open files, and 300 are allowed",
        under=_shell('ulimit -n 300; exec "$@"'),
    ),
    _of_input(
        name="a plan includes a file without an end", plan={"include": ["/dev/zero"]}, says="regular file"
    ),
    _of_input(
        name="a plan has too many users",
        plan={"scenarios.front.load.users": [10**7]},
        says="less than or equal to 100000",
    ),
)
