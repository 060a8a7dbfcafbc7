"""The requests of a user class are captured byte by byte, whatever its client library."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portcompare.wire.protocol import Captured
from tests.loadgen.certificates import Authority
from tests.loadgen.generator import Generator
from tests.loadgen.locust_users import CLASSES, write
from tests.loadgen.scripted import OK, Peer, ScriptedServer, over_tls, responding, response_of, serve

Capture = Callable[..., Captured]

COOKIE = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=7; Path=/\r\nContent-Length: 2\r\n\r\nok"
NEVER_CAPTURED = {"host", "content-length", "connection", "transfer-encoding"}

SHOP = """
class Shop(HttpUser):
    wait_time = constant(60)

    def on_start(self):
        self.client.post("/login", json={"user": "\\u00e9"}, headers={"X-Case": "Kept, as it is"})

    @task(1000)
    def look(self):
        self.client.get("/items?tag=a%2Fb&tag=c")

    @task
    class Editing(SequentialTaskSet):
        wait_time = constant(60)

        @task
        def put(self):
            self.client.put("/items/1", data=b"\\x00\\xff raw")

        @task
        def leave(self):
            self.interrupt()
"""


def shopper(*task: str) -> str:
    """A class whose one task is made of these lines."""
    return "\n        ".join(["class Shopper(HttpUser):\n    @task\n    def buy(self):", *task]) + "\n"


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with serve(responding(OK)) as running:
        yield running


@pytest.fixture
def capture(generator: Generator, tmp_path: Path, server: ScriptedServer) -> Capture:
    def capture_class(text: str, user: str = "Shopper", url: str = server.url) -> Captured:
        prepared = generator.prepare(write(tmp_path / "locustfile.py", text), scenario=user)
        assert prepared.problems == {}
        assert prepared.requests == {}
        assert prepared.to_capture == ("scenario",)
        server.requests.clear()
        return generator.capture(url)

    return capture_class


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
def test_requests_are_captured_as_they_were_sent_in_the_order_in_which_they_came(
    capture: Capture, kind: str
) -> None:
    with serve(responding(COOKIE)) as server:
        captured = capture(SHOP.replace("HttpUser", kind), "Shop", server.url)
    assert captured.problem is None
    assert captured.requests[0].target == "/login"
    by_name = {request.name: request for request in captured.requests}
    assert set(by_name) == {"POST /login", "GET /items?tag=a%2Fb&tag=c", "PUT /items/1"}
    login, put = by_name["POST /login"], by_name["PUT /items/1"]
    assert json.loads(login.body) == {"user": "é"}
    assert ("X-Case", "Kept, as it is") in login.headers
    assert ("Content-Type", "application/json") in login.headers
    assert put.body == b"\x00\xff raw"
    assert put.method == "PUT"
    assert [value for name, value in put.headers if name.lower() == "cookie"] == ["sid=7"]
    for request in captured.requests:
        assert not {name.lower() for name, _ in request.headers} & NEVER_CAPTURED
        sent = next(data for _, data in server.requests if data.startswith(request.method.encode()))
        head, _, body = sent.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        assert lines[0] == f"{request.method} {request.target} HTTP/1.1"
        assert f"Host: {server.url.removeprefix('http://')}" in lines
        others = [pair for pair in request.headers if pair[0].lower() != "accept-encoding"]
        expected = [f"{name}: {value}" for name, value in others]
        assert [line for line in lines if line in expected] == expected
        assert body == request.body


@pytest.mark.parametrize("text", CLASSES.values(), ids=CLASSES)
def test_every_kind_of_user_is_captured(capture: Capture, server: ScriptedServer, text: str) -> None:
    captured = capture(text)
    assert captured.problem is None
    assert [(one.method, one.target) for one in captured.requests] == [("GET", "/items?tag=a%2Fb&tag=c")]
    assert len(server.requests) == 10  # it is run no longer than each of its tasks needs to be seen


def test_what_is_new_each_time_is_captured_up_to_a_number(capture: Capture) -> None:
    captured = capture(shopper("for number in range(10_000):", '    self.client.get(f"/{number}")'))
    assert captured.problem is None
    assert [request.target for request in captured.requests] == [f"/{number}" for number in range(50)]


def test_a_body_of_unknown_length_is_captured_whole(capture: Capture) -> None:
    captured = capture(shopper('self.client.post("/upload", data=iter([b"first ", b"second"]))'))
    assert [request.body for request in captured.requests] == [b"first second"]
    assert not {name.lower() for name, _ in captured.requests[0].headers} & NEVER_CAPTURED


def test_what_is_drawn_by_chance_is_drawn_alike_each_time(capture: Capture) -> None:
    text = """
import random

class Shopper(FastHttpUser):
    @task(5)
    def one(self):
        self.client.get(f"/one/{random.randrange(1000)}")
    @task
    def two(self):
        self.client.get(f"/two/{random.randrange(1000)}")
"""
    first = capture(text)
    assert len({request.target for request in first.requests}) > 10
    assert capture(text).requests == first.requests


def test_a_secure_server_gets_requests_over_tls_and_its_secure_cookies_come_back(
    capture: Capture, authority: Authority
) -> None:
    trusting = f"import os\nos.environ['SSL_CERT_FILE'] = {str(authority.ca_file)!r}\n"
    cookie = COOKIE.replace(b"Path=/", b"Path=/; Secure; HttpOnly")
    with serve(over_tls(authority.issue("DNS:localhost"), responding(cookie))) as server:
        captured = capture(trusting + CLASSES["HttpUser"], url=f"https://localhost:{server.port}")
        sent = [request for _, request in server.requests]
    assert captured.problem is None
    assert ("Cookie", "sid=7") in captured.requests[-1].headers
    assert f"Host: localhost:{server.port}\r\n".encode() in sent[0]


def test_the_requests_of_a_leaving_user_are_captured_too(capture: Capture) -> None:
    captured = capture(CLASSES["HttpUser"] + '    def on_stop(self):\n        self.client.get("/logout")\n')
    assert [request.target for request in captured.requests][-1] == "/logout"


def play_links(peer: Peer) -> None:
    """A server that names its own address, as frameworks do, from the Host header."""
    while data := peer.take_request():
        lines = data.decode().split("\r\n")
        path = lines[0].split()[1]
        host = next(line[6:] for line in lines if line.lower().startswith("host: "))
        assert "Accept-Encoding: identity" in lines
        if path == "/moved":
            head, body = f"302 Found\r\nLocation: http://{host}/there", ""
        else:
            head, body = "200 OK", json.dumps({"next": f"http://{host}/linked", "host": host})
        peer.sock.sendall(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


def test_links_to_the_server_s_own_address_are_followed_and_captured(capture: Capture) -> None:
    with serve(play_links) as server:
        text = shopper(
            'data = self.client.get("/moved").json()',
            f"assert data['host'] == {server.url.removeprefix('http://')!r}",
            'assert data["next"].startswith(self.host)',
            'self.client.get(data["next"], headers={"Referer": self.host + "/moved"})',
            "raise StopUser",
        )
        captured = capture(text, url=server.url)
        referer = server.url + "/moved"
    assert captured.problem is None
    assert captured.elsewhere == ()
    assert [request.target for request in captured.requests] == ["/moved", "/there", "/linked"]
    assert ("Referer", referer) in captured.requests[2].headers
    accepted = [value for name, value in captured.requests[0].headers if name == "Accept-Encoding"]
    assert "gzip" in accepted[0]


def test_the_response_to_head_has_the_length_that_its_body_would_have(capture: Capture) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    with serve(responding(head)) as server:
        length = 'assert self.client.head("/").headers["Content-Length"] == "5"'
        captured = capture(shopper(length, "raise StopUser"), url=server.url)
    assert captured.problem is None
    assert [request.name for request in captured.requests] == ["HEAD /"]


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
def test_an_error_that_the_class_calls_a_success_is_expected_and_another_is_not(
    capture: Capture, kind: str
) -> None:
    text = shopper(
        'with self.client.get("/gone?x=1", catch_response=True) as response:',
        "    response.success()",
        'self.client.get("/lost")',
    )
    with serve(responding(response_of("404 Not Found", b"no"))) as server:
        captured = capture(text.replace("HttpUser", kind), url=server.url)
    assert [(each.target, each.expected_status) for each in captured.requests] == [
        ("/gone?x=1", 404),
        ("/lost", None),
    ]


def test_responses_that_differ_are_noted(capture: Capture) -> None:
    other = 'self.client.get("/other", headers={"Connection": "close"})'
    alike = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d"
    counts = iter(range(10))

    def play(peer: Peer) -> None:
        while request := peer.take_request():
            peer.sock.sendall(OK if b"/other" in request else alike % next(counts))

    with serve(play) as server:
        captured = capture(shopper('self.client.get("/")', other), url=server.url)
    assert [request.target for request in captured.requests] == ["/", "/other"]
    assert captured.varying == (0,)


def test_requests_to_a_server_that_does_not_respond_are_captured_too(
    capture: Capture, server: ScriptedServer
) -> None:
    with serve(responding(OK)) as gone:
        url = gone.url
    captured = capture(CLASSES["HttpUser"], url=url)
    assert [request.method for request in captured.requests] == ["GET"]
    assert server.requests == []


FAILING = """class Shopper(HttpUser):
    def {method}:
        raise OSError("no such bank")

    @task
    def buy(self):
        self.client.get("/")
        {{}}["token"]
"""
RAN = "when one user of it ran against the baseline"


@pytest.mark.parametrize(
    ("text", "found", "remedy"),
    [
        (
            FAILING.format(method="other(self)"),
            f"Shopper.buy raised KeyError: 'token' (locustfile.py:15) {RAN}",
            "correct the class",
        ),
        (
            FAILING.format(method="__init__(self, environment)"),
            f"Shopper.__init__ raised OSError: no such bank (locustfile.py:10) {RAN}",
            "correct the class",
        ),
        *(
            (
                shopper('self.client.get("/")') + f"\n    def {method}(self):\n        1 / 0\n",
                f"Shopper.{method} raised ZeroDivisionError: division by zero (locustfile.py:",
                "correct the class",
            )
            for method in ("on_stop", "wait_time")
        ),
        (
            shopper("raise StopUser"),
            "Shopper sent no request to its host",
            "give it a task that sends one at once",
        ),
        (
            "class Shopper(User): pass",
            "Shopper.get_next_task raised Exception: No tasks defined on Shopper",
            "correct",
        ),
    ],
    ids=["task", "init", "on_stop", "wait_time", "no request", "no task"],
)
def test_what_a_class_raises_or_leaves_out_is_a_problem(
    capture: Capture, text: str, found: str, remedy: str
) -> None:
    problem = capture(text).problem
    assert problem is not None
    assert problem[0].startswith(found)
    assert problem[1].startswith(remedy)


@pytest.mark.parametrize("also", ["", 'self.client.get("/")'], ids=["nothing else", "the host as well"])
def test_requests_to_other_hosts_are_reported(capture: Capture, also: str) -> None:
    with serve(responding(OK)) as other:
        url = f"{other.url}/token"
        captured = capture(shopper(f"self.client.get({url + '?code=1'!r})", also, "raise StopUser"))
    assert captured.elsewhere == (url,)
    if also:
        assert captured.problem is None
        assert [request.target for request in captured.requests] == ["/"]
    else:
        assert captured.problem is not None
        assert captured.problem[0] == (
            f"Shopper sends requests to {url}, and none to the host that it is given"
        )


def test_the_locustfile_s_listeners_and_options_are_there_as_under_locust(
    capture: Capture, generator: Generator
) -> None:
    captured = capture("""
@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--shop", default="corner")

@events.init.add_listener
def begin(environment, runner, **_):
    print("init heard", runner.environment is environment, flush=True)

@events.test_start.add_listener
def start(environment, **_):
    print("start heard", environment.host == environment.user_classes[0].host, flush=True)

class Shopper(HttpUser):
    host = "http://elsewhere.invalid"
    weight = 0
    @task
    def buy(self):
        self.client.get("/" + self.environment.parsed_options.shop)
""")
    assert [request.target for request in captured.requests] == ["/corner"]
    assert "init heard True\nstart heard True\n" in generator.log
