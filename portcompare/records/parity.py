"""Whether the candidates respond as the baseline does, where they differ, and what was not compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DifferenceKind = Literal["status", "header", "body", "json", "log"]
Severity = Literal["breaks", "changes", "harmless"]
CHECK_FILE = "check.json"  # What holds a check in its folder
SEVERITIES: tuple[Severity, ...] = ("breaks", "changes", "harmless")  # Most severe first


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One way in which a response of a candidate differs from the baseline's."""

    case: str  # The case that shows it: method and target
    deployment: str  # Whose response differs
    # "status", "header", "body", "json" for a body of JSON, or "log" for a warning in a log
    kind: DifferenceKind
    # Where: the header's name (with the cookie and its attribute: `Set-Cookie: sid; Path`), the pointer to a
    # place in the body (`/items/0/id`, `/html/body/ul/li[2]/@class`), or the line of code that a warning
    # names; empty for a status or a whole body
    pointer: str
    severity: Severity  # "breaks" clients, "changes" what they get, or "harmless": no client can tell
    baseline: str  # What the baseline's response holds there
    candidate: str  # What the candidate's response holds there
    curl_baseline: str = ""  # A command line that sends the request to the baseline
    curl_candidate: str = ""  # The same for the candidate
    # What the server's log says of an error: the exception, and the line that raised it; of what only stands
    # in a log, the name of that
    cause: str = ""
    # True if the case, sent alone to fresh servers, does not show it: then it comes from what was sent before
    from_order: bool = False
    follows: str = ""  # The earlier case whose status differs, where it comes from what was sent before
    # The name of the known difference between frameworks or servers that it is; empty if none
    known: str = ""
    is_own: bool = False  # Whether a request of the plan shows it, and not only a variation of one
    allowed: str = ""  # Why the plan allows it; empty if it does not

    @property
    def counts(self) -> bool:
        """Whether it makes the responses unequal: it is not allowed, and not harmless."""
        return not self.allowed and self.severity != "harmless"

    @property
    def may_come_from_order(self) -> bool:
        """Whether it counts, and is neither known of the frameworks nor a line in a log."""
        return self.counts and not self.known and self.kind != "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDifference:
    """A difference between the frameworks or the servers, which no port has made."""

    name: str  # By which the plan can allow it
    text: str  # What differs, in a sentence
    source: str  # Where that can be read


Compared = Literal["in full", "in part", "not compared"]
ParityVerdict = Literal["alike", "different", "not compared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCoverage:
    """How much of the responses to a case was compared."""

    case: str  # Method and target
    status: int | None  # The baseline's; None if it sent no complete response
    compared: Compared
    # The places left out: pointers as in `Difference`, `*` for any element; names of headers
    omitted: tuple[str, ...] = ()
    reason: str = ""  # Why it was not compared; empty if it was


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What was compared, and what was not."""

    in_full: int = 0  # Cases whose responses were compared in full
    in_part: tuple[CaseCoverage, ...] = ()  # Those whose bodies were compared but for some places
    not_compared: tuple[CaseCoverage, ...] = ()  # Those that count as not compared at all
    # How many responses the baseline sent, by status
    statuses: Mapping[str, int] = field(default_factory=dict)
    # How many of the compared responses are errors on both sides, by status
    errors: Mapping[str, int] = field(default_factory=dict)
    routes_known: int | None = None  # Routes of the apps, by method; None if they cannot be listed
    routes_requested: int | None = None  # Those among them that a request of the plan leads to
    unrequested: tuple[str, ...] = ()  # The others, with the reason where it is known


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFault:
    """A request of the plan that does not work on the baseline, so that nothing can be compared by it."""

    case: str  # Method and target
    found: str  # Status or error, and the first line of the body
    remedy: str
    traceback: str = ""  # From the server's log; empty if there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """Whether the candidates respond as the baseline does."""

    # "different" if a difference counts, "not compared" if a request of the plan was not compared, or none
    # was sent
    verdict: ParityVerdict
    cases: int  # How many cases were sent to each deployment
    deployments: tuple[str, ...]  # Those compared with the baseline
    # What was found, most severe first, also what is allowed or harmless
    differences: tuple[Difference, ...]
    known: tuple[KnownDifference, ...] = ()  # Those that differences name
    coverage: Coverage = Coverage()
    faults: tuple[RequestFault, ...] = ()  # The requests of the plan that do not work
    seeds: tuple[str, ...] = ()  # What the generated cases were made from, so that they can be made again
    warnings: tuple[str, ...] = ()  # What a careful reader should know of the check

    @property
    def equal(self) -> bool:
        """Whether no difference counts."""
        return self.verdict != "different"
