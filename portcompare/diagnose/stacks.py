"""Sampled stacks: whose code each function is, and a flame graph of them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from itertools import takewhile
from pathlib import Path

import portcompare
from portcompare.records.diagnosis import CpuGroup
from portcompare.serve.copies import name_original
from portcompare.serve.servers import SERVERS

_OWN = Path(portcompare.__file__).parent
_FRAMEWORK = frozenset(
    {"asgiref", "blinker", "click", "flask", "itsdangerous", "jinja2", "markupsafe", "quart", "werkzeug"}
)
_EVENT_LOOP = frozenset(
    {"asyncio", "concurrent", "greenlet", "h2", "hpack", "selectors", "socket", "uvloop", "wsproto"}
)
_SERVER = _EVENT_LOOP.union(*(server.distributions for server in SERVERS.values()), {portcompare.__name__})

_FRAME = re.compile(r"(.+) \((.+?)(?::\d+)?\)")
_LIBRARY = re.compile(r".*(?:^|/)(?:site|dist)-packages/(.+)")
_STANDARD = re.compile(r".*(?:^|/)lib/python3\.\d+/(.+)|<frozen (.+)>|(<.+>)")

_WIDTH, _ROW_HEIGHT, _LETTER_WIDTH, _NARROWEST = 1200, 17, 7, 0.4  # In pixels
_COLOURS: dict[CpuGroup, str] = {
    "server": "#9ecae1",
    "framework": "#fdae6b",
    "app": "#a1d99b",
    "interpreter": "#d9d9d9",
}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Function:
    """A function, or a whole module where the name is empty."""

    group: CpuGroup
    module: str  # `quart.ctx`
    name: str = ""  # `RequestContext.push`

    @property
    def label(self) -> str:
        """Its name with its module."""
        return f"{self.module}.{self.name}".removesuffix(".")


Stacks = Mapping[tuple[Function, ...], int]  # How often each was seen, outermost function first


def read_stacks(lines: Iterable[str], directory: Path) -> Stacks:
    """Read what `py-spy record --format raw --full-filenames` writes, of an app in a directory."""
    stacks: Counter[tuple[Function, ...]] = Counter()
    known: dict[str, Function] = {}
    for line in lines:
        frames, _, count = line.rpartition(" ")
        # What does not match is a part of a process's command.
        found = [one for one in map(_FRAME.fullmatch, frames.split(";")) if one]
        for frame in found:
            known.setdefault(frame[0], _function_of(frame[1], name_original(frame[2]), directory))
        if found:
            stacks[tuple(known[frame[0]] for frame in found)] += int(count)
    return stacks


def _function_of(name: str, path: str, directory: Path) -> Function:
    is_own = Path(path).is_relative_to(_OWN)  # How an app is served that a server cannot serve by itself
    base = _OWN.parent if is_own else directory
    is_inside = Path(path).is_relative_to(base)
    place = str(Path(path).relative_to(base)) if is_inside else path
    others = _LIBRARY.fullmatch(place) or _STANDARD.fullmatch(place)
    group: CpuGroup = "app"
    if others or is_own:
        place = next(filter(None, others.groups())) if others else place
        package = re.split(r"[/.]", place)[0]
        is_framework, is_server = package in _FRAMEWORK, package in _SERVER
        group = "framework" if is_framework else "server" if is_server else "interpreter"
    elif not is_inside:  # The user's, from beside the app's directory
        place = Path(path).name
    module = place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return Function(group=group, module=module, name=name)


def draw_flame_graph(stacks: Stacks, title: str) -> str:
    """Draw stacks as SVG, the outermost functions at the bottom; it loads nothing, and runs no script."""
    total = sum(stacks.values())
    cells = list(_lay_out(stacks))
    rows = 1 + max(depth for _, _, _, depth in cells)
    height = (rows + 2) * _ROW_HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}">',
        "<style>text{font:11px monospace} g:hover rect{stroke:#000}</style>",
        f"<title>{escape(title)}</title>",
    ]
    for index, (group, colour) in enumerate(_COLOURS.items()):
        left = 4 + 110 * index
        lines.append(f'<rect x="{left}" y="3" width="11" height="11" fill="{colour}"/>')
        lines.append(f'<text x="{left + 15}" y="12">{group}</text>')
    for function, start, count, depth in cells:
        width, top = count / total * _WIDTH, height - (depth + 1) * _ROW_HEIGHT
        if width < _NARROWEST:
            continue
        shown = function.name[: int(width / _LETTER_WIDTH)] if width > 4 * _LETTER_WIDTH else ""
        left_px = start / total * _WIDTH
        lines.append(
            f"<g><title>{escape(function.label)}: {count / total:.1%}, {count:,} samples</title>"
            f'<rect x="{left_px:.1f}" y="{top}" width="{width:.1f}" height="{_ROW_HEIGHT - 1}" '
            f'fill="{_COLOURS[function.group]}"/>'
            f'<text x="{left_px + 2:.1f}" y="{top + 12}">{escape(shown)}</text></g>'
        )
    return "\n".join([*lines, "</svg>\n"])


def _lay_out(stacks: Stacks) -> Iterator[tuple[Function, int, int, int]]:
    """Merge what stacks begin with alike: each function with its start, its count and its depth."""
    opened: list[tuple[Function, int]] = []
    now = 0
    for stack, count in [*sorted(stacks.items()), ((), 0)]:
        pairs = zip(stack, opened, strict=False)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1][0], pairs))
        while len(opened) > shared:
            function, start = opened.pop()
            yield function, start, now - start, len(opened)
        opened += [(function, now) for function in stack[shared:]]
        now += count
