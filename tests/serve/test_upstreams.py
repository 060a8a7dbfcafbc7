from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from portcompare.errors import ServerError
from portcompare.plan import with_addresses
from portcompare.records.rounds import BASELINE
from portcompare.serve import (
    StartedServer,
    assign_cpus,
    describe_manifest,
    preflight,
    serve_deployments,
    serve_upstreams,
)
from tests.serve.support import all_gone, tree_of, write_deployments

if TYPE_CHECKING:
    from pathlib import Path

    from portcompare.plan import Plan

SERVICE = """
import os

UPSTREAM = os.environ["UPSTREAM"]
if not UPSTREAM.startswith("http://127.0.0.1:"):
    raise ValueError(UPSTREAM)


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [UPSTREAM.encode()]
"""
STORE = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"stored"]
"""
GUNICORN = 'app = "one"\nserver = "gunicorn"\n'


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Two arms whose app does not even start without the address of a third deployment."""
    (tmp_path / "service.py").write_text(SERVICE, encoding="utf-8")
    (tmp_path / "store.py").write_text(STORE, encoding="utf-8")
    app = 'target = "service:app"\ninterface = "wsgi"\nenvironment = { UPSTREAM = "{upstream.store}" }'
    store = (
        GUNICORN.replace("one", "store")
        + '[apps.store]\ntarget = "store:app"\ninterface = "wsgi"\ndirectory = "."\n'
    )
    return write_deployments(tmp_path, GUNICORN, f"{GUNICORN}[deployments.store]\n{store}", app=app)


def test_an_arm_is_told_where_its_upstream_is(plan: Plan, tmp_path: Path) -> None:
    cpus = assign_cpus(plan)
    assert preflight(plan) == []
    with serve_upstreams(plan, folder=tmp_path, cpus=cpus) as upstreams:
        (store,) = upstreams.values()
        assert httpx.get(store.url, trust_env=False).text == "stored"
        told = with_addresses(plan, {name: server.url for name, server in upstreams.items()})
        with serve_deployments(told, {BASELINE: "first"}, folder=tmp_path, cpus=cpus) as servers:
            assert httpx.get(servers[BASELINE].url, trust_env=False).text == store.url
        assert isinstance(store, StartedServer)
        tree = tree_of(store)
        assert tree
    assert all_gone(tree)
    assert (tmp_path / "store.log").exists()


def test_an_upstream_that_has_died_ends_the_run(plan: Plan, tmp_path: Path) -> None:
    with ExitStack() as stack:
        upstreams = stack.enter_context(serve_upstreams(plan, folder=tmp_path, cpus=assign_cpus(plan)))
        (store,) = upstreams.values()
        assert isinstance(store, StartedServer)
        store.process.stop()
        with pytest.raises(ServerError, match="store: ended with status"):
            stack.close()


def test_the_manifest_tells_of_upstreams_beside_the_deployments(plan: Plan) -> None:
    cpus = assign_cpus(plan)
    manifest = describe_manifest(plan, cpus)

    assert [one.name for one in manifest.deployments] == ["first", "second"]
    assert manifest.deployments[0].environment == {"UPSTREAM": "{upstream.store}"}
    (store,) = manifest.upstreams
    assert store.name == "store"
    assert store.server.startswith("gunicorn ")
    assert store.cpus == cpus.generator


def test_what_is_wrong_with_an_upstream_is_told_before_anything_is_started(
    plan: Plan, tmp_path: Path
) -> None:
    (tmp_path / "store.py").write_text("raise RuntimeError('no store today')\n", encoding="utf-8")

    (problem,) = preflight(plan)

    assert problem.where.endswith("apps.store.target")
    assert "no store today" in problem.found


def test_without_upstreams_there_are_none(tmp_path: Path) -> None:
    plan = write_deployments(tmp_path, "url = 'http://127.0.0.1:9'", "url = 'http://127.0.0.1:10'")
    with serve_upstreams(plan, folder=tmp_path, cpus=assign_cpus(plan)) as upstreams:
        assert upstreams == {}
