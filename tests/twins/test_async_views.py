"""The Flask twin with an async view answers as it does without."""

import inspect

import pytest
from flask import Flask

import async_flask.app
import sync_flask.app


@pytest.mark.parametrize(
    "target", ["/data", "/data?delay=0.001", "/data?padding=7", "/data?delay=x", "/data/dict", "/"]
)
def test_an_async_view_answers_as_the_other_one(target: str) -> None:
    one, other = (app.test_client().get(target) for app in (sync_flask.app.app, async_flask.app.app))

    assert (one.status, one.data, one.content_type) == (other.status, other.data, other.content_type)


def test_the_data_comes_from_an_async_view() -> None:
    def is_async(app: Flask) -> bool:
        return inspect.iscoroutinefunction(app.view_functions["data"])

    assert is_async(async_flask.app.app)
    assert not is_async(sync_flask.app.app)
