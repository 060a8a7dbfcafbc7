from ipaddress import IPv4Address

import pytest

from portcompare.errors import InputError
from portcompare.plan import Deployment
from portcompare.run.workers import Workers, choose_workers, find_unreachable, read_endpoint
from portcompare.wire.protocol import Gather
from tests.conftest import Command
from tests.measure.plans import make_plan


def test_an_endpoint_is_a_host_and_perhaps_a_port() -> None:
    endpoints = {
        "127.0.0.1": ("127.0.0.1", 5557),
        "load.example:7000": ("load.example", 7000),
        "[::1]:7000": ("[::1]", 7000),
    }
    assert {text: read_endpoint("--listen", text) for text in endpoints} == endpoints


@pytest.mark.parametrize("text", ["", ":5557", "host:port", "host:70000", "host/path", "[::1"])
def test_any_other_endpoint_is_refused_with_the_flag(text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_endpoint("--listen", text)
    (problem,) = caught.value.problems
    assert problem.where == "--listen"
    assert "HOST:PORT" in problem.remedy


def test_workers_of_this_machine_join_on_loopback_and_others_at_the_given_address() -> None:
    here = Gather(workers=2, here=True, cpus=(1, 3), host="127.0.0.1", port=0)
    elsewhere = Gather(workers=3, here=False, cpus=(1, 3), host="10.0.0.1", port=5557)
    assert Workers(processes=1, expect=0, host="h", port=1).order((1, 3)) is None
    assert Workers(processes=2, expect=0, host="h", port=1).order((1, 3)) == here
    assert Workers(processes=1, expect=3, host="10.0.0.1", port=5557).order((1, 3)) == elsewhere


def test_workers_on_other_machines_need_servers_that_they_can_reach() -> None:
    plan = make_plan()
    (problem,) = find_unreachable(choose_workers(1, 2, "10.0.0.5"), plan)
    assert problem.where.endswith(": host")
    reachable = plan.model_copy(update={"host": IPv4Address("10.0.0.5")})
    assert not list(find_unreachable(choose_workers(1, 2, "10.0.0.5"), reachable))
    assert not list(find_unreachable(choose_workers(1, 2, None), plan))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_workers_elsewhere_cannot_reach_a_loopback_address(host: str) -> None:
    plan = make_plan()
    urls = {name: Deployment(url="http://10.0.0.5:80") for name in plan.deployments}
    workers = choose_workers(1, 2, "10.0.0.5")
    elsewhere = plan.model_copy(update={"deployments": urls})
    assert list(find_unreachable(workers, elsewhere)) == []
    here = plan.model_copy(update={"deployments": urls | {"new": Deployment(url=f"http://{host}:80")}})
    (problem,) = find_unreachable(workers, here)
    assert problem.where.endswith(": deployments.new.url")


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(InputError, match="--expect-workers N"):
        choose_workers(1, 0, "127.0.0.1")
    with pytest.raises(InputError, match="--processes, --expect-workers: both are given"):
        choose_workers(2, 2, None)
    assert choose_workers(2, 0, None).processes == 2


def test_a_master_that_cannot_be_resolved_is_refused(command: Command) -> None:
    code, _, err = command("worker", "--master", "nobody.invalid")
    assert code == 2
    assert "nobody.invalid cannot be resolved" in err
    assert "--expect-workers" in err
