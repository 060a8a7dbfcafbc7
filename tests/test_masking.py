from typing import Any

import pytest

from portcompare.masking import mask_command, mask_passwords, mask_plan, mask_secrets

SECRETS = {
    "API_KEY": "k1",
    "auth_token": "t1",
    "MY_SECRET_X": "s1",
    "DbPassword": "p1",
    "GCP_CREDENTIALS": "c1",
    "Authorization": "Bearer b1",
    "Cookie": "sid=i1",
    "DB_PASS": "p2",
    "PGPWD": "p3",
    "basicAuth": "a1",
    "jwt": "j1",
    "SENTRY_DSN": "d1",
    "PASSPHRASE": "p4",
    "sessionId": "s2",
    "X-Sig": "g1",
    "signature": "g2",
}


def test_secrets_are_masked_by_their_names_with_all_below_and_nothing_else_is() -> None:
    assert mask_secrets(SECRETS | {"MODE": "fast"}) == dict.fromkeys(SECRETS, "***") | {"MODE": "fast"}
    plain = {"compass": "n", "author": "ann", "design": "flat", "BYPASSED": "1", "side": "left"}
    assert mask_secrets(plain) == plain
    table = {"tokens": {"a": "1", "b": ["2", {"c": 3}]}, "password": None, "user": {"name": "ann"}}
    assert mask_secrets(table) == table | {"tokens": {"a": "***", "b": ["***", {"c": "***"}]}}


@pytest.mark.parametrize(
    ("table", "masked"),
    [
        ({"environment": {"API_KEY": "x", "MODE": "y"}}, {"environment": {"API_KEY": "***", "MODE": "y"}}),
        ({"headers": {"Authorization": "x", "A": "y"}}, {"headers": {"Authorization": "***", "A": "y"}}),
        ({"json": {"user": "ann", "password": "x"}}, {"json": {"user": "ann", "password": "***"}}),
        ({"form": {"token": ["x"], "page": 1}}, {"form": {"token": ["***"], "page": 1}}),
        ({"cookies": {"sid": "x"}}, {"cookies": {"sid": "***"}}),
        ({"json": None, "cookies": {}}, {"json": None, "cookies": {}}),
        ({"setup": ["serve --db s://a:b@c"]}, {"setup": ["serve --db s://a:***@c"]}),
        # Names of the plan's own tables mean nothing:
        ({"token": {"load": {"users": [1]}}}, {"token": {"load": {"users": [1]}}}),
        ({"login": [{"keep": {"token": "json:/token"}}]}, {"login": [{"keep": {"token": "json:/token"}}]}),
    ],
)
def test_a_plan_s_requests_environments_and_urls_lose_their_secrets(
    table: dict[str, Any], masked: dict[str, Any]
) -> None:
    assert mask_plan({"scenarios": {"one": {"requests": [table]}}, "x": table}) == {
        "scenarios": {"one": {"requests": [masked]}},
        "x": masked,
    }


def test_passwords_in_urls_are_masked_wherever_they_stand() -> None:
    table = {"DB_URL": "postgresql://ann:s3cret@db:5432/shop", "SITE": "http://ann@example.org:80/a:b@c"}
    assert mask_secrets(table) == table | {"DB_URL": "postgresql://ann:***@db:5432/shop"}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("serve --token abc --port 80", "serve --token *** --port 80"),
        ("serve --password=abc -v", "serve --password=*** -v"),
        ("serve --api-key 'a b' x", "serve --api-key *** x"),
        ("DB_PASS=abc MODE=fast serve", "DB_PASS=*** MODE=fast serve"),
        ("/data?sig=abc&page=2", "/data?sig=***&page=2"),
        ("curl -H 'Authorization: Bearer abc' http://h/", "curl -H 'Authorization: ***' http://h/"),
        ("curl -H 'Accept: text/html' http://h:80/a", "curl -H 'Accept: text/html' http://h:80/a"),
        ('{"password": "abc", "a": 1}', '{"password": ***, "a": 1}'),
        ('{"apiKey":"abc","a":"b"}', '{"apiKey":***,"a":"b"}'),
        ("redis://:p@ss@h/0", "redis://:***@h/0"),
        ("/a?token[]=x&a[0]=b&%74oken=y&key%5B0%5D=z", "/a?token[]=***&a[0]=b&%74oken=***&key%5B0%5D=***"),
        ("{'password': 'abc', 'a': 'b'}", "{'password': ***, 'a': 'b'}"),
        ("Authorization: Bearer abc\nthe token: of last year", "Authorization: ***\nthe token: of last year"),
        ("got eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2lnbmF0 from", "got *** from"),
        ('curl -H "X-Api-Key: $X_API_KEY" h', 'curl -H "X-Api-Key: $X_API_KEY" h'),
        ("amqp://ann:p@ss:w@rd@mq:5672/shop", "amqp://ann:***@mq:5672/shop"),
        ("postgres://u:a/abc@h http://h:80/a@b", "postgres://u:***@h http://h:80/a@b"),
        ("https://0123456789abcdef@sentry.io/1", "https://***@sentry.io/1"),
        (
            "migrate --verbose --password abc -v --token abc",
            "migrate --verbose --password *** -v --token ***",
        ),
        ('{"passwd":"a","credentials":["abc"],"n":1}', '{"passwd":***,"credentials":***,"n":1}'),
        ('{"token":{"value":"abc"}} {\\"password\\":\\"abc\\"}', '{"token":***} {\\"password\\":\\"***\\"}'),
        ('{"password":"a\\"abc"}', '{"password":***}'),
        ("password: abc\nX-Api-Key: abc\nPGPASSWORD: abc", "password: ***\nX-Api-Key: ***\nPGPASSWORD: ***"),
        ("password = 'abc' authorization=Bearer abc", "password = *** authorization=***"),
        ("password=b'abc', token=SecretStr('abc')", "password=***, token=***"),
        ("got ghp_abcdefghij sk_live_abcdefghij xoxb-abcdefghij", "got *** *** ***"),
        ("-----BEGIN PRIVATE KEY-----\nabc\n-----END", "-----BEGIN PRIVATE KEY-----***-----END"),
        ("mysql -pabc -u root && curl -u ann:abc h -p 80", "mysql -p*** -u root && curl -u ann:*** h -p 80"),
        ("<password>abc</password><name>abc</name>", "<password>***</password><name>abc</name>"),
        ("GITHUB_PAT=abc CREDS=abc PATH=/bin", "GITHUB_PAT=*** CREDS=*** PATH=/bin"),
    ],
)
def test_secrets_in_commands_paths_and_lines_are_masked_by_the_names_before_them(
    text: str, masked: str
) -> None:
    assert mask_passwords(text) == masked


def test_a_word_behind_the_name_of_a_secret_option_is_masked_in_a_command() -> None:
    words = ("serve", "--token", "abc", "--key-file=k.pem", "--passwordless", "-v", "--port", "80")
    masked = ("serve", "--token", "***", "--key-file=***", "--passwordless", "-v", "--port", "80")
    assert mask_command(words) == masked


@pytest.mark.timeout(20)  # where a pattern looks again and again, it takes hours
@pytest.mark.parametrize(
    "piece", ["x", "-", "TOKEN_", '"a', "<a>", "mysql ", "ftp://h/", '\\"', "PRIVATE KEY-----"]
)
def test_long_texts_without_an_end_of_a_word_are_masked_too(piece: str) -> None:
    assert mask_passwords(piece * 200_000 + " --password abc").endswith("***")
