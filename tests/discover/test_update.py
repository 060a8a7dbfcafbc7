"""What is added to a plan, and that everything else in it stays as it is."""

from pathlib import Path

import pytest

from portcompare.discover.apps import Found
from portcompare.discover.draft import draft_plan
from portcompare.discover.texts import locustfile_text, plan_text, update_plan
from tests.discover.samples import ALONE, INDEX, ITEM, PAIR, make_app, make_found, make_route, read_plan

FOLDER = Path("/project/loadtests")
NEW = make_found(make_app("flask", INDEX), make_app("quart", INDEX, make_route("/new")))

BY_HAND = """\
# by hand
candidates   =   [ # mine
    'gevent', # why
]
baseline = "old"

[apps]
shop = { target = "app:app", interface = "wsgi" }  # the shop
quart = { target = "other:app", interface = "asgi" }

[deployments.old]
app = "shop"
server = "gunicorn"
[deployments.gevent]
app = "shop"
server = "gunicorn-gevent"

[scenarios.front]
request = { path = "/" }   # no class
load = { users = [ 1,2 ] }
"""


def update(text: str, found: Found, known: str = "") -> tuple[str, list[str]]:
    draft = draft_plan(found)
    return update_plan(text, plan_text(draft, FOLDER, "locustfile.py"), draft, known)


def written(found: Found) -> tuple[str, str]:
    draft = draft_plan(found)
    return plan_text(draft, FOLDER, "locustfile.py"), locustfile_text(draft, "locustfile.py")


def is_kept(before: str, after: str, *, but: str) -> bool:
    """Whether all lines but one are there, in their order; an element's comma may have been added."""
    left = iter(after.replace(",", "").splitlines(keepends=True))
    return all(line in left for line in before.replace(",", "").splitlines(keepends=True) if but not in line)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_port_that_was_written_since_is_added(tmp_path: Path, newline: str) -> None:
    before, known = written(ALONE)
    before = before.replace("\n", newline)
    after, added = update(before, NEW, known)
    plan = read_plan(after, tmp_path)
    assert plan.candidates == ["flask-gunicorn-gevent", "quart-uvicorn"]
    assert (plan.apps["quart"].target, plan.deployments["quart-uvicorn"].server) == ("app:app", "uvicorn")
    assert [(each.path, each.expect and each.expect.status) for each in plan.parity.requests] == [
        ("/new", 404)
    ]
    assert added == ["[apps.quart]", "[deployments.quart-uvicorn]", "candidate quart-uvicorn", "GET /new"]
    assert is_kept(before, after, but="candidates = ")
    assert after.count("\n") == after.count(newline)
    assert update(after, NEW, known) == (after, [])


PARITY = (
    "",
    "[parity]\nvary = []  # none\n",
    "[parity]\nrequests = []\n",
    '[parity]\nrequests = [{ path = "/a" }] # one\n',
    '[parity]\nrequests = [\n\t{ path = "/a" }, # a\n\t# {path = "/b" },\n\t{ path = "/c" } # c\n]\n',
    '[[parity.requests]]\npath = "/a"\n\n[rounds]\nseconds = 2.0 # long\n',
    "parity.seed = 3",
)


@pytest.mark.parametrize("parity", PARITY)
def test_a_plan_by_hand_keeps_its_names_its_comments_and_their_place(tmp_path: Path, parity: str) -> None:
    before = f"{parity}\n{BY_HAND}" if parity.startswith("parity") else f"{BY_HAND}\n{parity}"
    put = make_route("/items", "PUT")
    found = make_found(make_app("flask", INDEX, put), make_app("quart", INDEX, make_route("/new"), put))
    given = read_plan(before, tmp_path)
    after, added = update(before, found)
    plan = read_plan(after, tmp_path)
    assert plan.candidates == ["gevent", "quart-2-uvicorn"]
    assert plan.deployments["quart-2-uvicorn"].app == "quart-2"
    assert plan.apps["quart"] == given.apps["quart"]
    assert [each.path for each in plan.parity.requests] == [
        *(each.path for each in given.parity.requests),
        "/new",
    ]
    assert "GET /new" in added
    assert update(after, found) == (after, [])
    assert is_kept(before, after, but="requests = [" if "[{" in parity or "[]" in parity else "] #")
    assert "[parity" not in parity or "vary" not in parity or plan.parity.vary == []
    assert [each.expect and each.expect.status for each in plan.parity.requests][-1] == 404


@pytest.mark.parametrize(
    ("known", "is_new"),
    [
        ('http_request("/items/1")', ""),
        ("    # { path = '/items/42' },", ""),
        ('self.client.get("/items/7?deep=1")', ""),
        ('request = { path = "/items/{item}" }', ""),
        ('{ method = "PUT", path = "/items/1" }', "new"),
        ('http_request("/itemsets/1")', "new"),
        ('http_request("/users")', "new"),
    ],
)
def test_a_request_that_is_named_already_is_not_added_whatever_its_parameters(
    known: str, is_new: str
) -> None:
    one = make_found(
        make_app("flask", ITEM, make_route("/users")), make_app("quart", ITEM, make_route("/users"))
    )
    added = update(BY_HAND.replace("asgi", "wsgi"), one, known)[1]
    assert ("GET /items/1" in added) == bool(is_new)


@pytest.mark.parametrize(
    "port",
    [
        '[apps.port]\ntarget = "app:app"\ninterface = "asgi"',
        "[apps.port]\ntarget = \"app:app('x')\"\ninterface = 'asgi'",
        '[deployments.port]\ncommand = "hypercorn --bind {host}:{port} app:app"',
    ],
)
def test_a_port_that_the_plan_serves_already_is_not_added(port: str) -> None:
    before = f"{BY_HAND.replace('app:app', 'shop:app')}\n{port}\n"
    assert update(before, PAIR) == (before, [])
