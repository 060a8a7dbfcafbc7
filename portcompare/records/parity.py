"""Whether the candidates respond as the baseline does, and where they differ."""

from dataclasses import dataclass
from typing import Literal

DifferenceKind = Literal["status", "header", "body", "json"]
Severity = Literal["breaks", "changes", "harmless"]
SEVERITIES: tuple[Severity, ...] = ("breaks", "changes", "harmless")  # Most severe first


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One way in which a response of a candidate differs from the baseline's."""

    case: str  # The case that shows it: method and target
    deployment: str  # Whose response differs
    kind: DifferenceKind  # "status", "header", "body", or "json" for a place in a JSON body
    # Where: the header's name (with the cookie and its attribute: `Set-Cookie: sid; Path`), or the JSON
    # pointer; empty for the status and the whole body
    pointer: str
    severity: Severity  # "breaks" clients, "changes" what they get, or "harmless": no client can tell
    baseline: str  # What the baseline's response holds there
    candidate: str  # What the candidate's response holds there
    curl_baseline: str = ""  # A command line that sends the request to the baseline
    curl_candidate: str = ""  # The same for the candidate
    # True if the case, sent alone to fresh servers, does not show it: then it comes from what was sent before
    from_order: bool = False
    allowed: str = ""  # Why the plan allows it; empty if it does not

    @property
    def counts(self) -> bool:
        """Whether it makes the responses unequal: it is not allowed, and not harmless."""
        return not self.allowed and self.severity != "harmless"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """Whether the candidates respond as the baseline does."""

    equal: bool  # True if there are cases and candidates, and no case shows a difference that counts
    cases: int  # How many cases were sent to each deployment
    deployments: tuple[str, ...]  # Those compared with the baseline
    # What was found, most severe first, also what is allowed or harmless; the baseline's and the control's
    # too where they fail to respond or contradict each other's status
    differences: tuple[Difference, ...]
    # What was not compared, because it differs by itself: the case, and the JSON pointer, the header's name
    # or "body"
    masked: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()  # What the generated cases were made from, so that they can be made again
    warnings: tuple[str, ...] = ()  # What a careful reader should know of the check
