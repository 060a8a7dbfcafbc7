import pytest

from portcompare.http.login import Kept, LoginFailed, fill, find_keep_flaw, keep_from
from portcompare.http.requests import http_request
from portcompare.records.requests import LoginStep, RequestSpec

LOGIN = http_request("/login", method="POST")


def step(**keep: str) -> LoginStep:
    return LoginStep(request=LOGIN, keep=tuple(keep.items()))


def kept_of(
    step: LoginStep,
    body: bytes = b"",
    *headers: tuple[str, str],
    before: Kept | None = None,
    status: int = 200,
) -> Kept:
    return keep_from(step, before or Kept(), status=status, headers=headers, body=body)


DOCUMENT = b'{"access": {"token": "abc"}, "ids": [1, 22], "ratio": 0.5, "ok": true, "a/b": {"~c": "odd"}}'
NAMES = ("csrf-token", "csrf_token", "user", "note")
PAGE = b"""<!doctype html><meta name="csrf-token" content="m&amp;1"><script>var csrf = 's3';</script>
<form><input name=csrf_token type=hidden value="f=2"><input name=user>
<textarea name=note> t4 </textarea></form>
<p id=nonce>n5</p>"""


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("json:/access/token", "abc"),
        ("json:/ids/1", "22"),
        ("json:/ratio", "0.5"),
        ("json:/ok", "true"),
        ("json:/a~1b/~0c", "odd"),
        ("header:x-csrf", "123"),
        ("header:X-CSRF", "123"),
        ("cookie:sid", "s=1"),
        ("html:input[name=csrf_token]", "f=2"),
        ("html:form > input", "f=2"),
        ("html:meta[name='csrf-token']", "m&1"),
        ("html:textarea", "t4"),
        ("html:#nonce", "n5"),
        ("regex:csrf = '([^']+)'", "s3"),
        ('regex:(?s)csrf_token.*?value="(.*?)"', "f=2"),
        ("regex:(?:nothing|id=nonce)>(\\w+)", "n5"),
    ],
)
def test_a_value_is_kept_from_where_it_is(where: str, value: str) -> None:
    headers = (("X-Csrf", "123"), ("Set-Cookie", "sid=s=1; Path=/; HttpOnly"))
    body = DOCUMENT if where.startswith("json:") else PAGE
    assert find_keep_flaw(where) is None
    assert kept_of(step(it=where), body, *headers).values == {"it": value}
    assert kept_of(step(it="json:"), b'"abc"').values == {"it": "abc"}


@pytest.mark.parametrize(
    ("where", "flaw"),
    [
        ("json:token", "'json:token' is not `json:/pointer`"),
        ("html:", "'html:' is not `json:/pointer`"),
        ("css:input", "'css:input' is not `json:/pointer`"),
        ("html:input[name=", "'input[name=' is not a CSS selector"),
        ("regex:(", "'(' is not a regular expression: missing )"),
        ("regex:csrf=.*", "'csrf=.*' has no group: put in parentheses what is to be kept"),
    ],
)
def test_a_place_where_nothing_can_be_kept_from_has_a_flaw(where: str, flaw: str) -> None:
    assert str(find_keep_flaw(where)).startswith(flaw)


@pytest.mark.parametrize(
    ("where", "body", "said"),
    [
        ("json:/token", b"<html>", "the response is not JSON"),
        ("json:/token", b"", "the response is empty, not JSON"),
        ("json:/a/t", b'{"a": {"x": 1, "y": 2}}', "the JSON response has no /a/t: no 't', but x, y"),
        ("json:/a/0/b", b'{"a": []}', "the JSON response has no /a/0/b: no '0', but array"),
        ("json:/a", b'{"a": {}}', "/a of the JSON response is of type object, not a value"),
        ("json:/a", b'{"a": null}', "/a of the JSON response is of type null, not a value"),
        ("json:/a", b'{"a": "x\\r\\nY: z"}', "the value to keep as 'it' is not one line of latin-1 text"),
        ("json:/a", '{"a": "漢"}'.encode(), "the value to keep as 'it' is not one line of latin-1 text"),
        (
            "html:input[name=csrf]",
            PAGE,
            f"no element of the response matches 'input[name=csrf]'; names in it: {', '.join(NAMES)}",
        ),
        ("html:b", b"{}", "no element of the response matches 'b'; names in it: none"),
        ("html:b", b"", "the response is empty"),
        ("html:input[name=user]", PAGE, "the value to keep as 'it' is empty"),
        ("regex:token=(.)", PAGE, "nothing in the response matches 'token=(.)'"),
        ("regex:nonce|(token)=", b"nonce", "nothing in the response matches 'nonce|(token)='"),
        ("header:X-Token", b"", "no header 'X-Token'"),
        ("cookie:sid", b"", "no cookie 'sid'; set: lang"),
    ],
)
def test_a_value_that_is_not_there_fails_the_login_with_what_was_found(
    where: str, body: bytes, said: str
) -> None:
    with pytest.raises(LoginFailed) as failed:
        kept_of(step(it=where), body, ("Set-Cookie", "lang=en"))
    assert str(failed.value) == said


def test_a_bad_status_fails_the_login_and_a_redirect_does_not() -> None:
    with pytest.raises(LoginFailed, match=r"^status 400$"):
        kept_of(step(), status=400)
    assert kept_of(step(), b"", ("Set-Cookie", "sid=1"), status=302).cookies == {"sid": "1"}


def test_later_steps_add_to_what_is_kept() -> None:
    before = Kept(values={"a": "1", "b": "2"}, cookies={"x": "1", "y": "2"})
    kept = kept_of(step(b="header:B"), b"", ("B", "3"), ("set-cookie", "y=3"), before=before)
    assert kept == Kept(values={"a": "1", "b": "3"}, cookies={"x": "1", "y": "3"})


@pytest.mark.parametrize(
    ("line", "cookies"),
    [
        ("sid=2; Max-Age=60", {"sid": "2"}),
        ("sid=; Max-Age=0", {}),
        ("sid=x; max-age=-1", {}),
        ("sid=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/", {}),
        ("sid=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=9", {"sid": "2"}),
        ("sid=2; Expires=Fri, 31 Dec 9999 23:59:59 GMT", {"sid": "2"}),
        ("sid=2; Expires=soon", {"sid": "2"}),
        ("sid=", {"sid": ""}),
        ("nonsense", {"sid": "1"}),
    ],
)
def test_a_cookie_is_set_or_removed(line: str, cookies: dict[str, str]) -> None:
    kept = kept_of(step(), b"", ("Set-Cookie", line), before=Kept(cookies={"sid": "1"}))
    assert kept.cookies == cookies


def test_a_request_is_filled_and_has_no_login_afterwards() -> None:
    request = RequestSpec(
        name="GET /{id}", target="/{id}", headers=(("Authorization", "Bearer {token}"),), login=(step(),)
    )
    assert fill(request, Kept(values={"id": "a b", "token": "t"})) == RequestSpec(
        name="GET /{id}", target="/a%20b", headers=(("Authorization", "Bearer t"),)
    )


def test_kept_cookies_are_added_to_the_requests_own_which_take_precedence() -> None:
    request = http_request("/", cookies={"lang": "de"}, headers={"X": "1"})
    filled = fill(request, Kept(cookies={"sid": "1", "lang": "en"}))
    assert filled.headers == (("X", "1"), ("Cookie", "sid=1; lang=de"))
