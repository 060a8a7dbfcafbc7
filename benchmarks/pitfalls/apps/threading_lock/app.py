"""Exchange rates that a thread refreshes."""

import threading
import time

from quart import Quart

app = Quart(__name__)


class Rates:
    """Rates, guarded by a lock."""

    def __init__(self):
        self._lock = threading.Lock()
        self._rates = {"USD": 1.1, "GBP": 0.85}

    def refresh_forever(self):
        """Refresh them again and again."""
        while True:
            with self._lock:
                time.sleep(0.06)  # as long as a bank takes to respond
                self._rates["USD"] += 0.0001
            time.sleep(0.04)

    def read(self, currency):
        """Read one of them."""
        with self._lock:  # here
            return self._rates[currency]


rates = Rates()


@app.before_serving
async def begin():
    threading.Thread(target=rates.refresh_forever, daemon=True).start()


@app.get("/rates/<currency>")
async def rate(currency):
    return {"rate": rates.read(currency)}
