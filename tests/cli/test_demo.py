from pathlib import Path
from typing import Any

import pytest
import typer

from portcompare.cli import demo
from portcompare.serve.extras import command_for_extras
from tests.cli.conftest import refused
from tests.conftest import Command

ROOT = Path(__file__).parents[2]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is compared: nothing is served here, as whole commands do that."""
    seen: list[tuple[Any, ...]] = []

    def run(what: list[str], *, out_folder: Path, budget: str | None, as_json: bool) -> None:
        seen.append((what, out_folder.parent, budget, as_json))
        raise typer.Exit(1)

    monkeypatch.setattr(demo, "run", run)
    return seen


def test_the_twins_are_copied_once_and_compared_each_time(
    command: Command, tmp_path: Path, runs: list[tuple[Any, ...]]
) -> None:
    folder = Path("portcompare-demo")
    for start in ("written to", "already there, in"):
        code, out, err = command("demo")
        assert code == 1
        assert out.startswith("\nnext: cd portcompare-demo\n  portcompare run ")
        assert err == f"{start} portcompare-demo/: async_flask/, async_quart/, loadtests/, sync_flask/\n"
    assert runs == [(["portcompare-demo/loadtests/plan.toml"], folder / "runs", None, False)] * 2
    for name in ("sync_flask/app.py", "sync_flask/templates/page.html", "loadtests/twins.toml"):
        assert (tmp_path / folder / name).read_bytes() == (ROOT / name).read_bytes()
    assert not list((tmp_path / folder).rglob("__pycache__"))


def test_nothing_is_written_where_anything_else_is(
    command: Command, tmp_path: Path, runs: list[tuple[Any, ...]]
) -> None:
    (tmp_path / "own/sync_flask").mkdir(parents=True)
    (tmp_path / "own/sync_flask/app.py").write_text("mine")
    assert "--out own: exists, and " in refused(command, "demo", "--out", "own")
    assert "next: cd 'to change'\n" in command("demo", "--out", "to change")[1]
    (tmp_path / "to change/async_quart/app.py").write_text("mine")
    assert "async_quart/app.py is not as the demo has it" in refused(command, "demo", "--out", "to change")
    assert [path.name for path in (tmp_path / "own").rglob("*")] == ["sync_flask", "app.py"]
    assert len(runs) == 1


def test_missing_servers_are_named_before_anything_is_written(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "find_missing", lambda extra: [extra])
    message = refused(command, "demo")
    assert "not installed: servers" in message
    assert command_for_extras("servers") in " ".join(message.split())
    assert not list(tmp_path.iterdir())
