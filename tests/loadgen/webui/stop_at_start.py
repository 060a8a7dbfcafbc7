"""Has a worker receive Locust's orders to start users and to stop them at once; prints what it sends.

A program, as Locust patches the process that imports it.
"""

import json
import sys
from types import SimpleNamespace

import gevent
import locust
from locust.env import Environment
from locust.rpc import Message

from portcompare.http.requests import http_request
from portcompare.loadgen import LeanUser
from portcompare.loadgen.distributed_runner import BeginLive
from portcompare.loadgen.open_model import WHOLE
from portcompare.loadgen.webui.live_load import LiveLoad
from portcompare.wire.protocol import LiveSettings, UiArm, UiPlan, UiScenario


class Data(LeanUser):
    request = http_request("/data")


def main() -> None:
    plan = UiPlan(
        name="plan",
        arms=(UiArm(name="old", url="http://127.0.0.1:9"),),
        scenarios={"data": UiScenario(name="data")},
    )
    settings = LiveSettings(scenarios=("data",), arms=("old",))
    master = Environment(events=locust.event.Events()).create_master_runner("127.0.0.1", 0)
    environment = Environment(events=locust.events)
    worker = environment.create_worker_runner("127.0.0.1", master.server.port)
    sent: list[str] = []
    worker.client = SimpleNamespace(send=lambda message: sent.append(message.type))
    for test in (1, 2):
        sent.append(f"test {test}")
        LiveLoad(environment, {"data": Data}, BeginLive(test=test, plan=plan, settings=settings, share=WHOLE))
        job = {
            "timestamp": test,
            "user_classes_count": {"data": 1},
            "host": None,
            "stop_timeout": 0.0,
            "parsed_options": {},
        }
        worker.handle_message(Message("spawn", job, "worker"))
        if test == 1:
            while worker.user_count == 0:
                gevent.sleep(0.01)
        worker.handle_message(Message("stop", None, "worker"))
    worker.spawning_greenlet.join()
    sys.stdout.write(json.dumps(sent))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
