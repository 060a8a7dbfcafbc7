"""The databases and hosts that servers open while they are checked, and which of them they share."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from portcompare.plan import Plan
from portcompare.plan.apps import ARM
from portcompare.records.rounds import CONTROL
from portcompare.serve.running import RunningServer
from portcompare.serve.servers import APP_PYTHON

_FOLDER = APP_PYTHON / "contacts"
_FILE = "contacts-{}.txt"
_ADDRESS = re.compile(r"[\d.]+:\w*|.*:.*:\w*")  # of IPv4 or IPv6, with a port


def watch_contacts(plan: Plan, folder: Path) -> Plan:
    """A plan whose servers record what they open; those that run already, or are no Python, do not."""
    added = {"PORTCOMPARE_CONTACTS": str(folder.resolve() / _FILE.format(ARM))}
    apps = {
        name: app.model_copy(
            update={"pythonpath": [*app.pythonpath, _FOLDER], "environment": app.environment | added}
        )
        for name, app in plan.apps.items()
    }
    return plan.model_copy(update={"apps": apps})


def describe_contacts(
    folder: Path, servers: Mapping[str, RunningServer], own_ports: set[int]
) -> Iterator[str]:
    """Warnings of what the arms share, and of the hosts that they contact.

    `own_ports`: those of the plan's servers and upstreams.
    """
    arms: defaultdict[str, list[str]] = defaultdict(list)
    for arm in servers:
        path = folder / _FILE.format(arm)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        for contact in dict.fromkeys(_list_contacts(lines, own_ports)):
            arms[contact].append(arm)
    for contact, users in arms.items():
        kind, _, place = contact.partition(" ")
        if kind == "file" and len(users) > 1:
            remedy = f"give each its own, by `copy_directory`, or `environment` with {ARM} in its path"
            yield f"{', '.join(users)} share the database {place}: {remedy}"
        elif kind == "host":
            named = ", ".join(each for each in users if each != CONTROL)
            yield f"{named}: contacts {place} while it is checked: what it writes there is real"


def _list_contacts(lines: list[str], own_ports: set[int]) -> Iterator[str]:
    """The database files, and the hosts by name where they were looked up, else by address."""
    entries = [line.partition(" ")[::2] for line in lines]
    names = [place for kind, place in entries if kind == "host" and not _ADDRESS.fullmatch(place)]
    ports = {place.rpartition(":")[2] for place in names}
    for kind, place in entries:
        port = place.rpartition(":")[2]
        if kind == "file" and not place.endswith(":memory:"):
            yield f"file {place}"
        elif kind == "address" and port not in ports and port.isdigit() and int(port) not in own_ports:
            yield f"host {place}"
    yield from (f"host {place}" for place in names if not place.startswith("localhost:"))
