"""What the names of a project may stand for, found by following what is bound, passed and returned.

Nothing is run and no order of statements is followed: a name may stand for all that it is bound to.
"""

import ast
from collections import defaultdict
from dataclasses import dataclass, field

from portcompare.port import tables
from portcompare.port.names import DERIVED, MOST_ROUNDS, Names
from portcompare.port.sources import FunctionNode, Scope, dotted_name, expand_stars, find_methods
from portcompare.port.values import NOTHING, Instance, Name, Value, Values, canonical


@dataclass(eq=False, slots=True)
class Inference(Names):
    """Finds all that is known of a project's names."""

    _fixtures: dict[str, list[Scope]] = field(default_factory=lambda: defaultdict(list))  # of pytest, by name
    uncertain: set[tuple[object, str]] = field(default_factory=set)  # names that may hold what is not known
    _has_changed: bool = True

    def solve(self) -> None:
        """Follow all bindings until nothing new is found."""
        scopes = [scope for module in set(self.modules.values()) for scope in module.scopes]
        self._methods = find_methods(scopes)
        for module in set(self.modules.values()):
            expand_stars(module, self.modules)
        for scope in scopes:
            names = [
                dotted_name(getattr(each, "func", each), scope)
                for each in getattr(scope.node, "decorator_list", ())
            ]
            if scope.module.is_test and "pytest.fixture" in names:
                self._fixtures[scope.name].append(scope)
        for _ in range(MOST_ROUNDS):
            if not self._has_changed:
                return
            self._has_changed = False
            for scope in scopes:
                self._follow(scope)

    def _follow(self, scope: Scope) -> None:
        self._follow_bindings(scope)
        for value in scope.returned:
            self._learn(scope, "return", self.values(value, scope))
        if isinstance(scope.node, ast.ClassDef):
            for base in self.bases(scope):
                self._learn(base, DERIVED, {scope} | self._known[scope, DERIVED])
            for kind in self.kinds_of(Instance(scope)) & tables.CURRENT.keys():
                self._learn(Name(tables.CURRENT[kind]), "is also", {Instance(scope)})
            # of a View: they receive an async function
            for each in tuple(self._known.get((scope, "decorators"), NOTHING)):
                if isinstance(each, Scope) and each.parameters():
                    self._learn(each, each.parameters()[0].arg, {"flask.View"})
        if isinstance(scope.node, FunctionNode):
            self._follow_function(scope, scope.node)
        for site in scope.sites:
            if isinstance(site.node, ast.Call):
                self._follow_call(site.node, scope)

    def _follow_bindings(self, scope: Scope) -> None:
        for target, annotation in scope.annotated:
            self._assign(target, self._annotated(annotation, scope), scope)
        for target, value in scope.bindings:
            self._assign(target, self.values(value, scope), scope)
            if not isinstance(value, ast.Name | ast.Attribute) or self.is_uncertain(value, scope):
                self.uncertain |= self._names_of(target, scope)

    def _follow_function(self, scope: Scope, node: FunctionNode) -> None:
        outer = scope.parent or scope
        parameters = scope.parameters()
        for each in parameters if scope.module.is_test else ():
            for fixture in self._fixtures.get(each.arg, ()):
                self._learn(scope, each.arg, self.returns(fixture))
        owner = scope.owner_class()
        decorators = [canonical(dotted_name(each, outer)) for each in node.decorator_list]
        if owner and parameters and "staticmethod" not in decorators:
            classes = {owner} | self._known[owner, DERIVED]
            self._learn(
                scope, parameters[0].arg, classes if "classmethod" in decorators else self._objects(classes)
            )
        for each in parameters:
            self._learn(scope, each.arg, self._annotated(each.annotation, outer))
        self._learn(scope, "return", self._annotated(node.returns, outer))
        self._follow_decorators(scope, node, outer)

    def _follow_decorators(self, scope: Scope, node: FunctionNode, outer: Scope) -> None:
        current: Values = {scope}
        for decorator in reversed(node.decorator_list):
            results: Values = set()
            kinds: Values = set()
            for maker in tuple(self.values(decorator, outer)):
                given = self._given(maker)
                if given:
                    self._learn(self.called(maker), given[0].arg, current)
                    results |= self._made_by(maker)
                elif isinstance(maker, Name | str):  # such as a task of Celery, whose methods block
                    kinds |= self._objects({maker})
            hook = tables.HOOKS.get(getattr(getattr(decorator, "func", decorator), "attr", ""))
            if hook and scope.parameters():
                self._learn(scope, scope.parameters()[0].arg, {hook})
            blocking = {each for each in kinds if isinstance(each, str) and each.startswith("lib:")}
            current = {each for each in results if self.called(each)} or current
            current = current | blocking
        self._learn(scope, "decorated", current)

    def _follow_call(self, node: ast.Call, scope: Scope) -> None:
        named = {each.arg: each.value for each in node.keywords if each.arg}
        hook = tables.HOOKS.get(node.func.attr) if isinstance(node.func, ast.Attribute) else None
        for callee in tuple(self.values(node.func, scope)):  # which may grow by what it receives
            is_bound = isinstance(callee, Scope) and self._is_bound(callee, node, scope)
            given = self._given(callee)[is_bound:]
            for parameter, value in [
                *zip(given, node.args, strict=False),
                *((each, named[each.arg]) for each in given if each.arg in named),
            ]:
                self._learn(self.called(callee), parameter.arg, self.values(value, scope))
                if isinstance(value, ast.Lambda) or self.names(value, scope):
                    self.uncertain.add((self.called(callee), parameter.arg))
            self._follow_rest(self.called(callee), node.args[len(given) :], named, scope)
        if isinstance(node.func, ast.Attribute) and node.func.attr in tables.FILLING:
            functions: Values = {each for each in self._union(node.args, scope) if isinstance(each, Scope)}
            self._assign(node.func.value, functions, scope)
        for value in node.args if hook else ():
            for each in tuple(self.values(value, scope)):
                if isinstance(each, Scope) and each.parameters():
                    self._learn(each, each.parameters()[0].arg, {hook or ""})

    def _given(self, value: Value) -> list[ast.arg]:
        """The parameters that a call of a value gives arguments to; also `self` of a method."""
        called = self.called(value)
        return called.parameters()[called is not value :] if called else []

    def _follow_rest(
        self, called: Scope | None, rest: list[ast.expr], named: dict[str, ast.expr], scope: Scope
    ) -> None:
        """Follow what a function receives by `*` and `**`."""
        given = called.node.args if called and isinstance(called.node, FunctionNode) else None
        others = [value for name, value in named.items() if called and name not in called.bound]
        for parameter, values in ((given.vararg, rest), (given.kwarg, others)) if given else ():
            if parameter:
                self._learn(called, parameter.arg, self._union(values, scope))
                if any(isinstance(each, ast.Lambda) or self.names(each, scope) for each in values):
                    self.uncertain.add((called, parameter.arg))

    def _is_bound(self, callee: Scope, node: ast.Call, scope: Scope) -> bool:
        """Whether a method is called on an object, which is then its first argument."""
        if callee.owner_class() is None or not isinstance(node.func, ast.Attribute):
            return False
        statics = [dotted_name(each, callee) for each in getattr(callee.node, "decorator_list", ())]
        return "staticmethod" not in statics and not any(
            isinstance(each, Scope) for each in self.values(node.func.value, scope)
        )

    def _learn(self, place: object, name: str, values: Values) -> None:
        known = self._known[place, name]
        if not values <= known:
            known |= values
            self._has_changed = True

    def _assign(self, target: ast.expr, values: Values, scope: Scope) -> None:
        if not values:
            return
        if isinstance(target, ast.Name):
            self._learn(scope.holder(target.id) or scope, target.id, values)
        elif isinstance(target, ast.Attribute):
            for place in self._places(target.value, scope):
                self._learn(place, target.attr, values)
        elif isinstance(target, ast.Subscript):
            self._assign(target.value, values, scope)

    def is_uncertain(self, node: ast.expr, scope: Scope) -> bool:
        """Whether an expression may stand for more than is known."""
        is_name = isinstance(node, ast.Name | ast.Attribute)
        return not (is_name and self.uncertain.isdisjoint(self._names_of(node, scope)))

    def _names_of(self, node: ast.expr, scope: Scope) -> set[tuple[object, str]]:
        """Where that is remembered which a name or an attribute stands for."""
        match node:
            case ast.Name():
                return {(scope.holder(node.id), node.id)}
            case ast.Attribute():
                return {(place, node.attr) for place in self._places(node.value, scope)}
        return set()

    def _places(self, node: ast.expr, scope: Scope) -> list[object]:
        """Where the attributes of an expression's objects are remembered."""
        found = self.values(node, scope)
        places: list[object] = [each.of if isinstance(each, Instance) else each for each in found]
        return places or ["unknown"]

    def _annotated(self, node: ast.expr | None, scope: Scope) -> Values:
        """The objects that an annotation speaks of."""
        found: Values = set()
        for each in ast.walk(node) if node else ():
            if isinstance(each, ast.Name | ast.Attribute):
                classes = self.values(each, scope)
                found |= self._objects(classes.union(*(self._known[one, DERIVED] for one in classes)))
            elif isinstance(each, ast.Constant) and isinstance(each.value, str):
                found |= self._annotated(_parse(each.value), scope)
        return found


def _parse(annotation: str) -> ast.expr | None:
    """An annotation that is written as text; None if it is none."""
    try:
        return ast.parse(annotation, mode="eval").body
    except SyntaxError:
        return None
