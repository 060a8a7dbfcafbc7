"""The compose file by its schema and by what it promises."""

import json
from importlib.resources import files

import pytest
from jsonschema import Draft7Validator

from tests.deploy.support import read_compose

ENVIRONMENT = {"PORTCOMPARE_UI_PASSWORD": "correct horse"}


def test_it_is_a_valid_compose_file() -> None:
    schema = files("check_jsonschema.builtin_schemas.vendor").joinpath("compose-spec.json").read_text()
    compose = read_compose(ENVIRONMENT)
    assert not [error.message for error in Draft7Validator(json.loads(schema)).iter_errors(compose)]


def test_both_twins_have_the_same_limits() -> None:
    services = read_compose(ENVIRONMENT)["services"]
    flask, quart = ({**services[name], "build": "its own"} for name in ("flask", "quart"))
    assert flask == quart
    assert {"cpus", "mem_limit"} <= flask.keys()


def test_no_service_has_privileges_or_is_open_to_others() -> None:
    compose = read_compose(ENVIRONMENT)
    inner = {name for name, network in compose["networks"].items() if network.get("internal")}
    for service in compose["services"].values():
        assert service["read_only"]
        assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - a container's own
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        assert bool({*service["networks"]} - inner) == ("ports" in service)
    with pytest.raises(KeyError, match="PORTCOMPARE_UI_PASSWORD"):
        read_compose({})
