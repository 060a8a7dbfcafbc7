from __future__ import annotations

import subprocess
import sys

# In a process of its own: gevent's loop belongs to the process.
RINGING = """
from time import perf_counter
import gevent
from portcompare.loadgen.open_model import Alarm

due_s = []
late_s = []
done = gevent.event.Event()

def set_again():
    due_s.append(perf_counter() + 0.0003)
    alarm.set(due_s[-1])

def ring():
    late_s.append(perf_counter() - due_s[-1])
    if len(late_s) < 40:
        set_again()
    else:
        alarm.close()
        done.set()

alarm = Alarm(ring)
set_again()
done.wait(30)
# A timer of 0.3 ms waits for a whole one, each time; a busy machine makes some later, but not all.
print(len(late_s), 0 <= min(late_s) < 0.0004)
later = gevent.event.Event()
witness = Alarm(later.set)  # by when an alarm that was still set would have rung
witness.set(perf_counter() + 0.03)
print(later.wait(10), len(late_s))
"""

WITHOUT_DESCRIPTORS = """
import os, resource, gevent
from portcompare.loadgen.open_model import Alarm

gevent.get_hub().loop
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
lowest_free = os.dup(0)
os.close(lowest_free)
resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, most))
try:
    Alarm(print)
except OSError as error:
    print(type(error).__name__, error.strerror)
"""


def say(code: str) -> list[str]:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.splitlines()


def test_an_alarm_rings_once_at_each_instant_and_more_precisely_than_a_timer() -> None:
    assert say("import gevent.event" + RINGING) == ["40 True", "True 40"]


def test_without_a_free_descriptor_there_is_no_alarm() -> None:
    assert say(WITHOUT_DESCRIPTORS) == ["OSError Too many open files"]
