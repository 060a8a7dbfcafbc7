"""Types, defaults and which keys there are: tests/test_docs.py compares docs/plan.md with what is listed."""

from portcompare.plan.keys import plan_keys


def test_every_key_that_a_user_can_set_is_described_once_by_its_name_in_a_plan() -> None:
    keys = list(plan_keys())
    paths = {key.path for key in keys}
    assert len(paths) == len(keys)
    assert [key.path for key in keys if not key.description] == []
    assert paths.isdisjoint({"path", "included", "inline"})
    assert not [path for path in paths if "json_body" in path]
