"""Comparing the bodies of two responses, and learning what of them differs by itself."""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from typing import Final

from portcompare.http.documents import detect_format, read_tree
from portcompare.http.responses import Response
from portcompare.http.shapes import Gap, compare_trees, count_leaves, fill_tokens, learn_masks
from portcompare.http.trees import (
    ABSENT,
    Element,
    Tree,
    UnreadableError,
    as_text,
    fold_pointers,
    holds_non_finite,
    is_comment,
    json_type,
)
from portcompare.parity.findings import Finding, make_finding
from portcompare.records.parity import DifferenceKind, Severity
from portcompare.records.requests import Format, RequestSpec, Shape

SAME_VALUE: Final = "same value, other bytes"

_detect = lru_cache(maxsize=64)(detect_format)
_read = lru_cache(maxsize=64)(read_tree)

# Whoever sends the form, or finds a field in it by its name, needs these.
_NEEDED_MARKUP: Final = re.compile(r"<(form|input|select|textarea|button)\b")
_NEEDED_ELEMENT: Final = re.compile(r"/(form|input|select|textarea|button)(\[[\d*]+\])?$")
_NEEDED_ATTRIBUTE: Final = re.compile(
    r"/(input|select|textarea|button)(\[[\d*]+\])?/@name|/form(\[[\d*]+\])?/@(action|method|enctype)"
)

INVALID_JSON: Final = "the JSON holds NaN or Infinity, which JSON does not have: browsers refuse it"
_NON_FINITE: Final = re.compile(rb"\b(NaN|Infinity)\b")
_JSON: Final = ("json", "records")

# A body of which more is masked was not compared.
MOST_MASKED_RATIO: Final = 0.5

# A longer list hides what it lists.
_MOST_GAPS: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyNoise:
    """What differs among bodies that should be alike."""

    format: Format | None = None  # How they are read; None if all have the same bytes
    masks: dict[str, Shape] = field(default_factory=dict)  # By pointer, of what differs by itself


ALWAYS_ALIKE: Final = BodyNoise()


def learn_bodies(responses: Sequence[Response], known: BodyNoise = ALWAYS_ALIKE) -> BodyNoise:
    """Learn what differs among bodies that should be alike, beside what is known of others."""
    try:
        contents = [response.decoded() for response in responses]
    except ValueError:
        contents = [response.body for response in responses]
    if len({*contents}) == 1 and known.format is None:
        return ALWAYS_ALIKE
    formats = [
        _detect(content, response.header("content-type"))
        for content, response in zip(contents, responses, strict=True)
    ]
    if known.format is not None:
        formats.insert(0, known.format)
    for form in (*formats, Format(name="binary")):
        try:
            masks = learn_masks([_read(content, form) for content in contents])
        except UnreadableError:
            continue
        return BodyNoise(format=form, masks=masks | known.masks if form == known.format else masks)
    raise AssertionError("bytes can be read as such")


def compare_bodies(
    case: RequestSpec, baseline: Response, candidate: Response, noise: BodyNoise = ALWAYS_ALIKE
) -> Iterator[Finding]:
    """Find where the bodies of two responses differ, but for noise."""
    if case.method == "HEAD":  # a client takes bytes after the headers for the next response
        if bool(baseline.body) != bool(candidate.body):
            lengths = [len(each.body) for each in (baseline, candidate)]
            texts = [f"{length} bytes after the headers" if length else None for length in lengths]
            yield make_finding("body", "", "presence", "breaks" if candidate.body else "changes", texts)
        return
    (ours, our_flaw), (theirs, their_flaw) = decode(baseline), decode(candidate)
    if bool(our_flaw) != bool(their_flaw):
        texts = [
            flaw or f"{each.header('content-encoding') or 'not encoded'}, {len(each.body):,} bytes"
            for each, flaw in ((baseline, our_flaw), (candidate, their_flaw))
        ]
        yield make_finding("body", "", "type", "breaks" if their_flaw else "changes", texts)
        return
    if ours == theirs:
        return
    form = noise.format or _detect(ours, baseline.header("content-type"))
    kind: DifferenceKind = "json" if form.name in _JSON and ours and theirs else "body"
    texts = [each.decode(errors="backslashreplace") for each in (ours, theirs)]
    trees = _read_alike(ours, theirs, form, candidate.header("content-type"))
    severity: Severity
    if trees is None:
        severity = "changes" if form.name in ("text", "lines", "html") else "breaks"
        yield make_finding("body", "", "type", severity, texts)
        return
    gaps = list(islice(compare_trees(*trees, noise.masks), _MOST_GAPS))
    for gap in gaps:
        values, leads = _texts(gap)
        yield make_finding(kind, gap.pointer, gap.aspect, _rank(gap, form), values, leads=leads)
    if not gaps and noise.format is None:
        # Not every parser accepts a byte order mark.
        severity = "harmless" if ours.startswith(BOM_UTF8) is theirs.startswith(BOM_UTF8) else "changes"
        yield make_finding(kind, "", "value", severity, texts, leads=[f"{SAME_VALUE}: "] * 2)


def _read_alike(ours: bytes, theirs: bytes, form: Format, their_type: str | None) -> tuple[Tree, Tree] | None:
    """Both bodies as trees; None if one is not of the format: to an HTML parser, JSON is a text."""
    if form.name in ("html", "xml") and _detect(theirs, their_type).name in _JSON:
        return None
    try:
        return _read(ours, form), _read(theirs, form)
    except UnreadableError:
        return None


def decode(response: Response) -> tuple[bytes, str]:
    """The body, decoded, and why it cannot be; then it is as it was sent."""
    try:
        return response.decoded(), ""
    except ValueError as error:
        return response.portable_body, str(error)


def _rank(gap: Gap, form: Format) -> Severity:
    """How severe a difference in a body is."""
    if form.name == "html" and is_comment(gap.pointer):
        return "harmless"
    is_lost = gap.theirs is ABSENT
    if not gap.pointer and is_lost:
        return "breaks"
    if form.name == "html":
        lost = as_text(gap.ours, gap.pointer) if is_lost and isinstance(gap.ours, Element) else ""
        is_needed = _NEEDED_ATTRIBUTE.search(gap.pointer) or (is_lost and _NEEDED_ELEMENT.search(gap.pointer))
        is_needed = is_needed or _NEEDED_MARKUP.search(lost)
        return "breaks" if gap.ours is not ABSENT and is_needed else "changes"
    is_strict = form.name not in ("text", "lines", "binary")
    return "breaks" if is_strict and (is_lost or gap.aspect == "type") else "changes"


def _texts(gap: Gap) -> tuple[list[str | None], list[str]]:
    """What both hold at a place, and what is said before it of each."""
    sides = [gap.ours, gap.theirs]
    values = [
        None if side is ABSENT or isinstance(side, Shape) else as_text(side, gap.pointer) for side in sides
    ]
    leads = ["", ""]
    if gap.aspect == "type":
        leads = [f"{json_type(side)} " for side in sides]
    elif isinstance(gap.ours, bytes) and gap.aspect == "value":
        leads = [f"{len(side):,} bytes, sha256 {sha256(side).hexdigest()[:12]}: " for side in sides]
    if isinstance(gap.ours, Shape):
        is_text = gap.aspect == "value"
        values[0] = fill_tokens(gap.ours, gap.theirs) if is_text else " or ".join(gap.ours.types)
        leads[0] = ""
    return values, leads


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyCoverage:
    """How much of a body is compared."""

    masked_ratio: float = 0.0  # Of its values, those that are not, from 0 to 1
    omitted: tuple[str, ...] = ()  # The places of these
    reason: str = ""  # Why it is not compared, or not as what it is said to be


def find_coverage(response: Response, noise: BodyNoise) -> BodyCoverage:
    """How much of a body is compared, by one response of those from which the noise was learnt."""
    content, flaw = decode(response)
    if flaw and content:
        return BodyCoverage(masked_ratio=1.0, reason=flaw)
    form = noise.format
    if not noise.masks or form is None:
        return BodyCoverage()
    leaves, masked = count_leaves(_read(content, form), noise.masks)
    whole = "the whole JSON" if form.name in _JSON else "body"
    reasons = [f"it is compared as {form.name}: {form.note}"] if form.note else []
    if masked > MOST_MASKED_RATIO * leaves:
        reasons.insert(0, "the body differs between two responses of the baseline")
    return BodyCoverage(
        masked_ratio=masked / leaves,
        omitted=tuple(pointer or whole for pointer in fold_pointers(noise.masks)),
        reason="; ".join(reasons),
    )


def find_flaw(response: Response) -> str:
    """What is wrong with a body that is compared all the same; empty if nothing is."""
    content, _ = decode(response)
    if not _NON_FINITE.search(content):
        return ""
    form = _detect(content, response.header("content-type"))
    return INVALID_JSON if form.name in _JSON and holds_non_finite(_read(content, form)) else ""
