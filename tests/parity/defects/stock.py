"""What both shops sell, and what they check alike: nothing here knows Flask or Quart."""

import itertools
import json
import re
from dataclasses import asdict, dataclass
from threading import Lock

from werkzeug.datastructures import Authorization
from werkzeug.exceptions import HTTPException

WITHDRAWN_ID = 2

_PASSWORDS = {"ada": "engine"}
_LIMIT = re.compile(r"[1-9]|[1-4][0-9]|50")
_LONGEST_NAME = 40


class Refused(HTTPException):
    """A request that the shop does not do; `error` says why to programs, as the status alone cannot."""

    def __init__(self, status: int, error: str, detail: str) -> None:
        super().__init__(detail)
        self.code = status
        self.error = error


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something to sell; `sku` is text although it has digits only."""

    id: int
    name: str
    sku: str

    def document(self) -> dict[str, object]:
        return asdict(self)


class Stock:
    """The items of one process."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._items: dict[int, Item] = {}
        self._lock = Lock()
        for name in ("lamp", "stool", "vase"):
            self.keep(self.make({"name": name}))

    def make(self, document: object) -> Item:
        name = document.get("name") if isinstance(document, dict) else None
        if not isinstance(name, str) or not 1 <= len(name) <= _LONGEST_NAME:
            raise Refused(400, "bad_item", f"An item needs a name of at most {_LONGEST_NAME} characters.")
        with self._lock:
            number = next(self._numbers)
        return Item(id=number, name=name, sku=f"{number:04}")

    def keep(self, item: Item) -> None:
        with self._lock:
            self._items[item.id] = item

    def find(self, item_id: int) -> Item:
        with self._lock:
            item = self._items.get(item_id)
        if item is None:
            raise Refused(404, "item_not_found", "There is no such item.")
        if item.id == WITHDRAWN_ID:
            raise Refused(404, "item_withdrawn", "This item is not sold any more.")
        return item

    def first(self, limit: int) -> list[dict[str, object]]:
        with self._lock:
            return [item.document() for item in itertools.islice(self._items.values(), limit)]


def read_limit(values: list[str]) -> int:
    if not values:
        return 50
    if len(values) > 1 or _LIMIT.fullmatch(values[0]) is None:
        raise Refused(400, "bad_limit", "The query parameter 'limit' must be given once, from 1 to 50.")
    return int(values[0])


def read_json(mimetype: str, body: bytes) -> object:
    if mimetype != "application/json":
        raise Refused(415, "not_json", "The body must be application/json.")
    try:
        document: object = json.loads(body)
    except ValueError:
        raise Refused(400, "bad_json", "The body is not JSON.") from None
    return document


def check_login(given: Authorization | None) -> str:
    user = (given.username if given else None) or ""
    if given is None or user not in _PASSWORDS or given.password != _PASSWORDS[user]:
        raise Refused(401, "bad_login", "There is no such user, or the password is another.")
    return user
