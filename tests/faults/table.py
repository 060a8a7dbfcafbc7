"""The faults that are injected, and how a run must end for each: `docs/faults.md` is made of this table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from portcompare.serve.servers import SERVERS
from tests.faults.actions import CANARY

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
    is_valid: bool = False  # whether the run may be valid: its figures are true then
    plan: Mapping[str, object] = field(default_factory=dict)  # values by dotted keys
    arguments: tuple[str, ...] = ()
    command: str = "run"
    under: tuple[str, ...] = ()  # what starts portcompare; skipped where that is not allowed
    servers: tuple[str, ...] = ("gunicorn wsgi",)
    fast: str = ""  # the server on which `make test` injects it; `make faults` injects it on all


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
FIRST, PARTIAL = "gunicorn wsgi", "the rounds so far"
FIVE_BLOCKS: dict[str, object] = {"rounds.min_blocks": 5, "rounds.max_blocks": 5}  # for a sure verdict
SECRETS = {
    "scenarios.front.request.query": {"token": CANARY},
    "scenarios.front.request.headers": {"Authorization": f"Bearer {CANARY}"},
    "scenarios.front.request.cookies": {"sid": CANARY},
    "apps.wsgi.environment": {"DB_PASS": CANARY, "DB": f"db://ann:{CANARY}@host/x"},
    "apps.wsgi.setup": [f"true --password={CANARY}"],
    "rounds.max_blocks": 3,
}


def _of_server(name: str, app: str, says: str, *codes: int, fast: str = "") -> Fault:
    return Fault(
        name=f"the candidate {name}",
        kind="server",
        app=app,
        says=says,
        exit_codes=codes,
        plan={"rounds.timeout_s": 0.5},
        servers=EVERY_SERVER,
        fast=fast,
    )


def _of_network(name: str, proxy: str, says: str, *codes: int, fast: str = "") -> Fault:
    return Fault(
        name=f"on the network, {name}",
        kind="network",
        proxy=proxy,
        says=says,
        exit_codes=codes,
        is_valid=codes == (0,),
        plan=FIVE_BLOCKS if codes == (0,) else {},
        servers=("waitress wsgi",),
        fast=fast,
    )


def _of_process(name: str, action: str, says: str, code: int, fast: str = "") -> Fault:
    return Fault(
        name=name, kind="process", action=action, says=says, exit_codes=(code,), kept=PARTIAL, fast=fast
    )


def _of_input(name: str, plan: Mapping[str, object], says: str, under: tuple[str, ...] = ()) -> Fault:
    return Fault(
        name=name,
        kind="input",
        plan=plan,
        says=says,
        under=under,
        exit_codes=(2,),
        kept="nothing",
        fast=FIRST,
    )


FAULTS = (
    _of_server("freezes", "freeze", NO_RESPONSE, 1),
    _of_server("never responds under load", "hang", NO_RESPONSE, 1),
    _of_server("responds to its first user only", "first user", NO_RESPONSE, 1, fast="uvicorn asgi"),
    _of_server("stands still for 1.5 s, every 60 requests", "pause", NO_RESPONSE, 1, 3),
    _of_server("drops 8% of the requests", "drop", CLOSED, 1, 3, fast="gunicorn-gevent wsgi"),
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
        is_valid=True,
    ),
    *(
        Fault(
            name=f"the candidate {name} after 60 requests",
            kind="server",
            app=app,
            servers=OTHERS,
            says="bad: ended with status",
            kept="nothing",
        )
        for app, name in (("die", "dies"), ("restart", "ends"))
    ),
    Fault(
        name="the candidate's responses trickle, a byte each 0.05 s",
        kind="server",
        app="trickle",
        servers=EVERY_SERVER,
        plan={"rounds.seconds": 1.0} | FIVE_BLOCKS,
        exit_codes=(0,),
        says="slower",
        is_valid=True,
    ),
    _of_network("each response takes 0.05 s longer", "delay", "slower", 0),
    _of_network("8% of the connections end instead of a response", "drop", CLOSED, 1, 3),
    _of_network("8% of the connections are reset", "reset", "connection reset", 1, 3, fast="waitress wsgi"),
    _of_network("8% of the responses are cut off", "truncate", "incomplete response", 1, 3),
    _of_network("responses are lost, and connections stay open", "half-open", NO_RESPONSE, 1),
    Fault(
        name="the network loses 5% of all packets",
        kind="network",
        under=_LOSSY,
        exit_codes=(0,),
        says="front",
        is_valid=True,
    ),
    *(
        Fault(
            name=f"portcompare receives {name}",
            kind="process",
            action=action,
            when=when,
            command=command,
            exit_codes=(130,),
            kept="nothing",
        )
        for name, action, when, command in (
            ("SIGHUP", "hang_up", "at the start", "run"),
            ("SIGINT", "interrupt", "as servers start", "run"),
            ("SIGINT while it counts instructions", "interrupt", "as servers start", "work"),
        )
    ),
    _of_process("portcompare receives SIGTERM", "terminate", "what was measured is kept", 130, FIRST),
    Fault(
        name="portcompare receives SIGINT",
        kind="process",
        action="interrupt",
        when="as reports are written",
        exit_codes=(130,),
        says="the reports are not: portcompare report",
        is_valid=True,
    ),
    _of_process("portcompare is killed", "kill", "", -9, FIRST),
    _of_process("the candidate's server is killed", "kill_candidate", "bad: ended with status", 3, FIRST),
    _of_process("the load generator is killed", "kill_generator", "the load generator ended", 3),
    _of_process("all watchdogs are killed", "kill_watchdogs", "broke off", 3),
    Fault(
        name="a load worker is killed",
        kind="process",
        action="kill_worker",
        arguments=("--processes", "2"),
        plan={"rounds.max_blocks": 5},
        exit_codes=(0, 3),
        says="was lost during the round",
        is_valid=True,
    ),
    Fault(
        name="a load worker is paused for 65 s",
        kind="process",
        action="pause_worker",
        arguments=("--processes", "2"),
        exit_codes=(130,),
        says="was lost",
        kept=PARTIAL,
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
        "2,000 users need more open files than are allowed",
        {"scenarios.front.load.users": [2000]},
        "need 2,200 open files, and 300 are allowed",
        _shell('ulimit -n 300; exec "$@"'),
    ),
    _of_input("a plan includes a file without an end", {"include": ["/dev/zero"]}, "regular file"),
    _of_input(
        "a plan has too many users", {"scenarios.front.load.users": [10**7]}, "less than or equal to 100000"
    ),
    Fault(
        name="secrets are in requests, environments and commands",
        kind="input",
        plan=SECRETS,
        action="look_at_commands",
        exit_codes=(0,),
        is_valid=True,
    ),
)
