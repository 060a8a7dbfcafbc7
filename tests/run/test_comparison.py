from datetime import UTC, datetime
from pathlib import Path

from portcompare.run.comparison import find_folder_problems, name_run_folder


def test_a_run_is_named_by_its_time_and_its_plan_and_cannot_lead_elsewhere() -> None:
    began = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    for name, safe in {"flask-to-quart": "flask-to-quart", "../é |": "..____"}.items():
        assert name_run_folder(name, began) == Path(f"runs/20260102T030405-{safe}")


def test_a_folder_that_need_not_exist_yet_is_not_made_by_its_check(tmp_path: Path) -> None:
    assert list(find_folder_problems(tmp_path / "a" / "b")) == []
    assert list(tmp_path.iterdir()) == []
