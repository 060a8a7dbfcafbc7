"""Parity: do both apps answer a request alike?"""

from portcompare.parity.cases import derive_cases, identity
from portcompare.parity.checker import (
    READING,
    Asker,
    Examined,
    ParityOutcome,
    ask_alone,
    combine_parity,
    only_status,
    sum_up,
)
from portcompare.parity.openapi_document import (
    OpenApiDocument,
    fetch_document,
    find_missing_extra,
    read_document,
)
from portcompare.parity.openapi_search import Explored, check_document, explore
from portcompare.parity.sending import Answer

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
