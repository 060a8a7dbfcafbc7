"""Parity: do both apps answer a request alike?"""

from portcompare.parity.answer import Answer
from portcompare.parity.cases import derive_cases
from portcompare.parity.check import ParityOutcome, check_parity
from portcompare.parity.combine import combine_parity
from portcompare.parity.compare import compare_answers

__all__ = ["Answer", "ParityOutcome", "check_parity", "combine_parity", "compare_answers", "derive_cases"]
