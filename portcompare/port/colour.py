"""Which functions become `async def`, and which stay in a thread: a fixed point over who calls whom.

A function that blocks for what cannot be awaited stays `def`, in a thread, and so do all that call it.
Every other function that Quart may await, or that needs to await, becomes `async def`, and so upwards.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from portcompare.port.facts import Facts
from portcompare.port.records import Fact, Reason
from portcompare.port.sources import Scope
from portcompare.port.tables import CONVERTED, LOCKS

_WHY = {
    "template": "what its template calls may block",
    "httpx.Client": "httpx waits for a server",
    "requests": "requests waits for a server, and is used in ways that have no rule",
    "requests.Session": "requests waits for a server, by a session that is used in ways that have no rule",
}


@dataclass(eq=False, slots=True)
class Colours:
    """What becomes of each function."""

    facts: Facts
    is_async: set[Scope] = field(default_factory=set)
    in_thread: dict[Scope, Reason] = field(default_factory=dict)
    unconverted: set[str] = field(default_factory=lambda: {"threading.RLock"})  # kinds that stay as they are
    reachable: set[Scope] = field(default_factory=set)  # the functions that a request may run
    _waiting: set[Scope] = field(default_factory=set)
    _calls: dict[Scope, list[Fact]] = field(default_factory=lambda: defaultdict(list))  # of each function

    def solve(self) -> None:
        """Colour all functions."""
        self.reachable = self._find_reachable()
        self.unconverted |= self.facts.unconvertible
        for facts in self.facts.by_scope.values():
            for fact in facts:
                for callee in fact.callees if fact.kind in ("calls", "runs") else ():
                    self._calls[callee].append(fact)
        self._waiting = self._find_waiting()
        while True:
            self.in_thread = {}
            self._solve_once()
            new = self._find_unconverted() - self.unconverted
            if not new:
                return
            self.unconverted |= new

    def _solve_once(self) -> None:
        while True:
            known = -1
            while known < len(self.in_thread):  # a template may block by what is found to block
                known = len(self.in_thread)
                self._spread_threads()
            self._spread_async()
            kept = {scope: self._why_kept(scope) for scope in self.is_async}
            new = {scope: reason for scope, reason in kept.items() if reason is not None}
            if not new:
                return
            self.in_thread |= new

    def _find_reachable(self) -> set[Scope]:
        """The functions that a request may run."""
        return self.reached_from([*self.facts.callbacks, *self.facts.in_templates, *self.facts.on_loop])

    def reached_from(self, scopes: Iterable[Scope]) -> set[Scope]:
        """The functions that some run, and themselves."""
        found: set[Scope] = set()
        left = list(scopes)
        while left:
            scope = left.pop()
            if scope not in found:
                found.add(scope)
                left += [each for fact in self.facts.by_scope.get(scope, ()) for each in fact.callees]
                left += self.decorated(scope)
        return found

    def decorated(self, scope: Scope) -> list[Scope]:
        """The functions that a function's name stands for, after its decorators."""
        return [
            each for each in map(self.facts.inference.called, self.facts.inference.decorated(scope)) if each
        ]

    def _find_unconverted(self) -> set[str]:
        """The kinds of objects that are used where nothing can be awaited, or by what no request runs."""
        return {
            fact.of
            for scope, facts in self.facts.by_scope.items()
            for fact in facts
            if fact.of in CONVERTED and not scope.module.is_test and self._is_out(scope, fact)
        }

    def _is_out(self, scope: Scope, fact: Fact) -> bool:
        is_entered = fact.kind in ("lock", "async with") and scope not in self.is_async
        return is_entered or scope not in self.reachable

    def is_converted(self, kind: str) -> bool:
        """Whether objects of a kind become those that are awaited; locks only if a request waits in one."""
        if kind in self.unconverted:
            return False
        facts = (fact for facts in self.facts.by_scope.values() for fact in facts)
        return kind not in LOCKS or any(each.kind == "lock" and self.needs_await(each) for each in facts)

    def _spread_threads(self) -> None:
        """Find what blocks, directly or by a call."""
        for scope, facts in self.facts.by_scope.items():
            for fact in facts if not isinstance(scope.node, ast.AsyncFunctionDef) else ():
                if scope not in self.in_thread and self.blocks(fact):
                    self.in_thread[scope] = self._reason(scope, fact)
        left = list(self.in_thread)
        while left:
            callee = left.pop()
            for fact in self._calls[callee]:
                scope = fact.site.scope
                is_async = isinstance(scope.node, ast.AsyncFunctionDef) or fact.of == "flask.View"
                if self.is_offloaded(fact) or scope.module.is_test or is_async:
                    continue
                is_enough = fact.is_guess or all(each in self.in_thread for each in fact.callees)
                if scope not in self.in_thread and is_enough:
                    self.in_thread[scope] = self.in_thread[callee]
                    left.append(scope)

    def blocks(self, fact: Fact) -> bool:
        """Whether a function is in a thread for this."""
        if self.is_offloaded(fact) or fact.site.scope.module.is_test:
            return False
        if fact.of == "template":
            run = self.facts.in_templates | self.facts.with_lambdas
            return self.facts.has_login or not run.isdisjoint(self.in_thread)
        return fact.kind == "blocks" or (fact.kind in ("await", "wait") and fact.of in self.unconverted)

    def is_offloaded(self, fact: Fact) -> bool:
        """Whether a call blocks in a function that waits for something else, and goes to a thread alone."""
        scope = fact.site.scope
        if scope not in self._waiting or scope in self.facts.synchronous or fact.site.inside:
            return False
        if fact.kind != "calls":
            return fact.is_complete
        returned = {kind for each in fact.callees for kind in self.facts.returned_kinds(each)}
        is_handle = any(kind.startswith("lib:") for kind in returned)
        return not is_handle and all(
            each in self.in_thread and not each.is_generator for each in fact.callees
        )

    def _find_waiting(self) -> set[Scope]:
        """The functions of requests that wait for what can be awaited, or call one that does."""
        found: set[Scope] = set()
        left = [
            scope
            for scope in self.reachable
            if any(
                each.kind == "wait" or each.of in ("httpx.Client", "requests.Session")
                for each in self.facts.by_scope.get(scope, ())
            )
        ]
        while left:
            scope = left.pop()
            if scope not in found and scope in self.reachable:
                found.add(scope)
                left += [fact.site.scope for fact in self._calls[scope]]
        return found

    def _reason(self, scope: Scope, fact: Fact) -> Reason:
        return Reason(
            why=_WHY.get(fact.of, fact.what),
            path=scope.module.path,
            line=fact.site.node.lineno,
        )

    def _spread_async(self) -> None:
        """Find what is to be `async def`."""
        self.is_async = {
            scope
            for module in set(self.facts.inference.modules.values())
            for scope in module.scopes
            if isinstance(scope.node, ast.AsyncFunctionDef)
        }
        candidates = {*self.facts.callbacks, *self.facts.by_scope}
        while True:
            new = {
                scope
                for scope in candidates - self.is_async - self.in_thread.keys()
                if scope.is_function
                and (
                    (scope in self.facts.callbacks and scope not in self.facts.synchronous)
                    or any(self.needs_await(fact) for fact in self.facts.by_scope[scope])
                )
            }
            if not new:
                return
            self.is_async |= new

    def needs_await(self, fact: Fact) -> bool:
        """Whether an async function has to await this."""
        scope = fact.site.scope
        if fact.kind == "wait":
            return scope in self.reachable and fact.of not in self.unconverted
        if fact.kind == "lock":
            return fact.of not in self.unconverted and self._has_await_within(fact)
        if fact.of in self.unconverted or fact.kind == "streams":
            return False
        return (
            fact.kind in ("await", "async with")
            or fact.of == "flask.View"
            or self.is_offloaded(fact)
            or any(map(self.becomes_async, fact.callees))
        )

    def becomes_async(self, scope: Scope) -> bool:
        """Whether a function becomes async; of one that is async already, the callers know."""
        return scope in self.is_async and not isinstance(scope.node, ast.AsyncFunctionDef)

    def _has_await_within(self, lock: Fact) -> bool:
        within = {id(node) for node in ast.walk(lock.site.node)}
        return any(
            id(each.site.node) in within
            and each is not lock
            and each.kind != "lock"
            and self.needs_await(each)
            for each in self.facts.by_scope[lock.site.scope]
        )

    def _why_kept(self, scope: Scope) -> Reason | None:
        """Why a function that would be async cannot be; None if it can."""
        is_async = isinstance(scope.node, ast.AsyncFunctionDef)
        return None if is_async else next(self._obstacles(scope), None)

    def _obstacles(self, scope: Scope) -> Iterator[Reason]:
        if scope in self.facts.synchronous:
            yield self.facts.synchronous[scope]
        calls = [fact for fact in self._calls[scope] if not fact.site.scope.module.is_test]
        if scope.is_generator and (calls or scope.delegates):
            yield self._at(scope, "it is a generator that is used elsewhere than in a response")
        for fact in calls:
            if not fact.site.scope.is_function:
                yield self._at(fact.site.scope, "it is called when the module is imported", fact)
            if fact.site.inside:
                yield self._at(fact.site.scope, f"await cannot go into {fact.site.inside}", fact)
        for fact in self.facts.by_scope[scope]:
            if fact.site.inside and self.needs_await(fact):
                yield self._at(scope, f"await cannot go into {fact.site.inside}", fact)
            if fact.kind == "lock" and fact.of in self.unconverted and self._has_await_within(fact):
                yield self._at(scope, "it holds a lock while it waits", fact)

    def _at(self, scope: Scope, why: str, fact: Fact | None = None) -> Reason:
        line = fact.site.node.lineno if fact else scope.line
        return Reason(why=why, path=scope.module.path, line=line)
