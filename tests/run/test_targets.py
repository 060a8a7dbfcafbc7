from collections.abc import Sequence
from pathlib import Path

import pytest

from portcompare.cli import run
from portcompare.plan import load_plan
from portcompare.run.narrowing import Narrowing
from portcompare.run.targets import Targets
from portcompare.serve import vocabulary
from tests.conftest import Command
from tests.runs import note_plans

APPS = {
    "here.py": "def app(environ, start_response): ...\ndef make(): return app\n",
    "there.py": "async def app(scope, receive, send): ...\nclass A:\n"
    "    async def __call__(self, scope, receive, send): ...\ndef make(): return A()\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with an app of each interface."""
    for name, text in APPS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def targets(*pair: str, paths: Sequence[str] = ("/data",), load: Narrowing | None = None) -> Targets:
    return Targets(pair=(pair[0], pair[1]), paths=paths, load=load or Narrowing())


@pytest.mark.parametrize(
    ("pair", "names"),
    [
        (("here:app", "there:app"), ["here-gunicorn", "there-uvicorn"]),
        (("there:make()", "here:make()"), ["there-uvicorn", "here-gunicorn"]),
        (("here:app", "here:make()"), ["here:app-gunicorn", "here:make()-gunicorn"]),
        (("here:app", "http://127.0.0.1:8000"), ["here-gunicorn", "127.0.0.1:8000"]),
        (("here:app", "nowhere:app"), ["here-gunicorn", "nowhere-gunicorn"]),  # the run says what is wrong
    ],
)
@pytest.mark.usefixtures("folder")
def test_each_target_is_served_by_the_usual_server_of_its_interface(
    pair: tuple[str, str], names: list[str]
) -> None:
    plan, _ = targets(*pair).plan(Path("targets"))
    assert [plan.baseline, *plan.candidates] == names


@pytest.mark.parametrize(
    ("load", "levels", "delay_s"),
    [
        (Narrowing(), (1, 32), 0.0),
        (Narrowing(users=[64, 2]), (2, 64), 0.0),
        (Narrowing(rate_rps=0.5), (0.5,), 0.0),
        (Narrowing(rate_rps=2000.0, delay_s=0.3), (2000.0,), 0.3),
        (Narrowing(delay_s=0.3), (1, 32), 0.3),
    ],
)
def test_the_saved_plan_is_the_plan_that_is_used(
    folder: Path, load: Narrowing, levels: tuple[float, ...], delay_s: float
) -> None:
    path = folder / "plans" / "saved.toml"
    paths = ["/a/b", "/a//b", "/a?b=1", "/a/b"]
    plan, text = targets("here:app", "there:app", paths=paths, load=load).plan(path)
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    assert load_plan(path, vocabulary()) == plan
    assert [one.request and one.request.path for one in plan.scenarios.values()] == paths[:3]
    assert {one.load.levels for one in plan.scenarios.values()} == {levels}
    assert {one.delay_s for one in plan.scenarios.values()} == {delay_s}
    assert plan.resolve(plan.apps["baseline"].directory) == folder


@pytest.mark.usefixtures("folder")
def test_two_targets_are_compared_and_their_plan_saved(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = note_plans(monkeypatch, run)
    assert command("run", "here:app", "there:app", "--users", "2,8", "--save-plan", "saved.toml")[0] == 0
    assert plans[0].levels == (("front", 2), ("front", 8))
    assert load_plan(Path("saved.toml"), vocabulary()) == plans[0].model_copy(
        update={"path": Path("saved.toml")}
    )


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["here:app"], "neither a plan nor two targets"),
        (["here:app", "there:app", "here:make()"], "neither a plan nor two targets"),
        (["here:app", "there:app", "--scenario", "front"], "neither a plan nor two targets"),
        (["plan.toml", "--path", "/data"], "neither a plan nor two targets"),
        (["here:app", "here:app"], "are both 'here:app'"),
        (["here:app", "there:app", "--path", "data"], "scenarios.data.request.path: is 'data'"),
        (["here:app", "there:app", "--users", "1,x"], "--users: is '1,x'"),
        (["here:app", "there:app", "--users", "100001"], "from 1 to 100,000"),
        (["here:app", "there:app", "--users", "1", "--rate", "2"], "--users, --rate: both are given"),
        (["here:app", "there:app", "--save-plan", "here.py"], "--save-plan here.py: exists already"),
        (
            ["here:app", "there:app", "--save-plan", "no/plan.toml"],
            "--save-plan no/plan.toml: cannot be written",
        ),
        (["here app", "there:app"], "is 'here app'"),
        (["http://[", "there:app"], "url"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_wrong_targets_and_loads_are_refused(command: Command, arguments: list[str], found: str) -> None:
    code, out, err = command("run", *arguments)
    assert (code, out) == (2, "")
    assert found in err
    assert not Path("runs").exists()
