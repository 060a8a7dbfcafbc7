"""Follow-ups: requests made of what the response to another one gave, on each server its own."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from portcompare.http.requests import find_flaw
from portcompare.parity.cases import identity, matches
from portcompare.parity.checker import CaseResult
from portcompare.parity.header_variants import Headers, with_header, without_headers
from portcompare.parity.url_variants import UNKNOWN, shape_of
from portcompare.records.requests import LoginStep, RequestSpec

# What is kept of the response before, by the names of placeholders that no plan has.
_ETAG = "portcompare_etag"
_MODIFIED = "portcompare_modified"
_KEEP = {_ETAG: "header:ETag", _MODIFIED: "header:Last-Modified"}

_REDIRECTS = (301, 302, 303, 307, 308)
_SERVER = "{server}"  # stands for the server's own address in a Location


def derive_follow_ups(results: Sequence[CaseResult], vary: Sequence[str]) -> tuple[RequestSpec, ...]:
    """Derive the requests that follow from the responses to the plan's own, each once a route.

    `vary`: patterns of the paths whose requests are varied.
    """
    own = {identity(each.case) for each in results}
    seen: set[tuple[str, str, str]] = set()
    found: dict[RequestSpec, RequestSpec] = {}
    for result in results:
        path = result.case.path
        if not any(matches(pattern, path) for pattern in vary):
            continue
        for what, case in _follow(result, results):
            key = result.case.method, shape_of(path), what
            if key not in seen and identity(case) not in own:
                seen.add(key)
                found.setdefault(identity(case), case)
    return tuple(found.values())


def _follow(result: CaseResult, results: Sequence[CaseResult]) -> Iterator[tuple[str, RequestSpec]]:
    """What follows from one response, and what it is."""
    request, response = result.case, result.baseline
    status = response.status or HTTPStatus.BAD_GATEWAY
    if status >= HTTPStatus.BAD_REQUEST or result.streams or request.method not in ("GET", "POST"):
        return
    has_cookies = response.header("set-cookie") is not None
    target = _find_target(request, response.header("location") or "")
    if status in _REDIRECTS and target is not None and "Location" not in result.coverage.omitted:
        case = RequestSpec(name=f"GET {target} [after {request.name}]", target=target, login=request.login)
        # Without cookies, nothing of the response but its address matters.
        yield "redirect", replace(case, follows=_step(request)) if has_cookies else case
    if has_cookies and request.method == "GET":
        name = f"{request.name} [its own cookies sent back]"
        yield "cookies", replace(request, name=name, follows=_step(request))
    if status == HTTPStatus.OK and request.method == "GET":
        yield from _follow_document(result, results)


def _follow_document(result: CaseResult, results: Sequence[CaseResult]) -> Iterator[tuple[str, RequestSpec]]:
    """Conditional and partial requests for what a response holds."""
    request, response = result.case, result.baseline
    known = {
        name
        for name, where in _KEEP.items()
        if (header := where.partition(":")[2]) not in result.coverage.omitted
        and response.header(header.lower()) is not None
    }
    for what, headers in _conditions(known):
        yield what, _with(request, what, headers, request, known)
    if _ETAG in known:
        # As clients send changes that must not overwrite those of others.
        for each in results:
            if each.case.method in ("PUT", "PATCH") and each.case.target == request.target:
                what = "If-Match with the ETag of GET"
                changing = (("If-Match", f"{{{_ETAG}}}"),)
                yield f"{each.case.method} {what}", _with(each.case, what, changing, request, known)
    is_file = response.header("content-disposition") is not None
    if known or is_file or response.header("accept-ranges") == "bytes":
        for value in ("bytes=-1", "bytes=1-", "bytes=999999999-"):
            name = f"{request.name} [header Range: {value}]"
            yield value, replace(with_header(request, "Range", value), name=name)


def _conditions(known: set[str]) -> Iterator[tuple[str, Headers]]:
    """Conditional requests (RFC 9110, section 13), and what they are."""
    etag, modified = f"{{{_ETAG}}}", f"{{{_MODIFIED}}}"
    if _ETAG in known:
        yield "If-None-Match with its own ETag", (("If-None-Match", etag),)
        yield "If-None-Match with its own ETag among others", (("If-None-Match", f'"{UNKNOWN}", {etag}'),)
        yield "If-Match with its own ETag", (("If-Match", etag),)
        yield "If-Range with its own ETag", (("If-Range", etag), ("Range", "bytes=0-0"))
    if _MODIFIED in known:
        yield "If-Modified-Since with its own Last-Modified", (("If-Modified-Since", modified),)
        yield "If-Unmodified-Since with its own Last-Modified", (("If-Unmodified-Since", modified),)
        yield "If-Range with its own Last-Modified", (("If-Range", modified), ("Range", "bytes=0-0"))
        both = (("If-None-Match", f'"{UNKNOWN}"'), ("If-Modified-Since", modified))
        yield "another ETag with its own Last-Modified", both


def _with(
    request: RequestSpec, what: str, headers: Headers, before: RequestSpec, known: set[str]
) -> RequestSpec:
    """A request with more headers, sent after another one that gives their values."""
    return replace(
        request,
        name=f"{request.method} {request.target} [{what}]",
        headers=(*without_headers(request.headers, *(name for name, _ in headers)), *headers),
        follows=_step(before, known),
    )


def _step(request: RequestSpec, known: set[str] | None = None) -> LoginStep:
    keep = tuple((name, _KEEP[name]) for name in sorted(known or ()))
    return LoginStep(request=replace(identity(request), login=()), keep=keep)


def _find_target(request: RequestSpec, location: str) -> str | None:
    """Where a redirect leads on the server itself; None if it leads elsewhere."""
    try:
        parts = urlsplit(urljoin(f"http://{_SERVER}{request.target}", location))
    except ValueError:  # not a URL
        return None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    is_own = parts.netloc == _SERVER and find_flaw(RequestSpec(name="", target=target)) is None
    return target if is_own else None
