"""Parity: do both apps answer a request alike?"""

from portcompare.parity.alone import READING, ask_alone
from portcompare.parity.answer import Answer
from portcompare.parity.asker import Asker, Examined
from portcompare.parity.cases import derive_cases, identity
from portcompare.parity.check import ParityOutcome, only_status, sum_up
from portcompare.parity.combine import combine_parity
from portcompare.parity.openapi import Explored, check_document, explore
from portcompare.parity.openapi_document import (
    OpenApiDocument,
    fetch_document,
    find_missing_extra,
    read_document,
)

__all__ = [
    "READING",
    "Answer",
    "Asker",
    "Examined",
    "Explored",
    "OpenApiDocument",
    "ParityOutcome",
    "ask_alone",
    "check_document",
    "combine_parity",
    "derive_cases",
    "explore",
    "fetch_document",
    "find_missing_extra",
    "identity",
    "only_status",
    "read_document",
    "sum_up",
]
