"""What can go wrong with a port, each by the name that the environment variable DEFECT has for it."""

from typing import Final

SEEDED: Final = {
    "status-of-bad-parameter": "a parameter out of its range gets another status",
    "crash-on-content-type": "a body of another type than JSON gets status 500",
    "number-for-text": "a text of digits is a number in the JSON",
    "lost-header": "Cache-Control is missing",
    "lost-cookie-attribute": "scripts may read the session's cookie",
    "swapped-error-codes": "two errors have each other's code",
    "mixed-up-under-load": "a request gets the response to another one",
    "text-for-number-in-path": "the route takes any text for an item's number",
    "write-not-stored": "a new item is confirmed and not kept",
    "head-with-body": "the response to HEAD has the body of GET",
}
