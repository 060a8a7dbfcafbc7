"""The addresses of routes, as far as texts say them: prefixes of blueprints, constants, loops."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from portcompare.port import tables
from portcompare.port.inference import Inference
from portcompare.port.names import MOST_ROUNDS
from portcompare.port.records import Route
from portcompare.port.sources import Scope, dotted_name

LAMBDA = "lambda"  # the name of a view that is one


@dataclass(eq=False, slots=True)
class Routes:
    """The routes of a project."""

    inference: Inference
    found: list[Route] = field(default_factory=list)
    # By the name of each blueprint: its own prefix, and where it is registered, with which other prefix.
    _own: dict[str, str] = field(default_factory=dict)
    _places: dict[str, list[tuple[str, str | None]]] = field(default_factory=dict)

    def read(self, scope: Scope) -> None:
        """Read what a scope says of blueprints."""
        for target, value in scope.bindings:
            if isinstance(value, ast.Call) and "flask.Blueprint" in self.inference.kinds(value, scope):
                given = keyword(value, "url_prefix")
                self._own[self._name(target, scope)] = text_of(given, scope) if given else ""
        for site in scope.sites:
            node = site.node
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr == "register_blueprint" and node.args:
                prefix = keyword(node, "url_prefix")
                parent = self._name(node.func.value, scope)
                for child in choices(node.args[0], scope):
                    place = parent, text_of(prefix, scope) if prefix else None
                    self._places.setdefault(self._name(child, scope), []).append(place)

    def _addresses(self, owner: ast.expr, scope: Scope, rule: str) -> list[str]:
        """All addresses of a rule that is added to an app or a blueprint."""
        return [_join(prefix, rule) for prefix in self._prefixes(self._name(owner, scope))]

    def add_all(self, node: ast.expr, scope: Scope, views: Sequence[Scope]) -> None:
        """Add the routes that a call of `route`, `add_url_rule` and the like makes, perhaps in a loop."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return
        rule = keyword(node, "rule") or next(iter(node.args), None)
        rules = [text_of(each, scope) for each in choices(rule, scope)] if rule else [""]
        listed = keyword(node, "methods")
        for index, rule_text in enumerate(rules):
            each_of = listed and choices(listed, scope)
            methods = each_of[index % len(each_of)] if each_of else None
            for view in views if len(views) != len(rules) else views[index : index + 1]:
                for address in self._addresses(node.func.value, scope, rule_text):
                    self.add(address, node.func.attr, methods, view)

    def add(self, rule: str, method: str, listed: ast.expr | None, view: Scope) -> None:
        """Add a route, unless it is one of a test."""
        own = view.owner_class()
        for target, value in own.bindings if own and not listed else ():
            listed = value if ast.unparse(target) == "methods" else listed
        texts = listed.elts if isinstance(listed, ast.List | ast.Tuple | ast.Set) else ()
        known = next((each for each in (method, _method(view)) if each in tables.HTTP_METHODS), "")
        named = tuple(text_of(each, view) for each in texts) or ("GET",)
        methods = (known.upper(),) if known else named
        if not view.module.is_test and (not texts or methods[0] in named):
            self.found.append(Route(rule=rule, methods=methods, view=view))

    def views(self, node: ast.expr | None, scope: Scope) -> list[Scope]:
        """The functions of a view, also of a class; a lambda is one that stays as it is."""
        if node is None:
            return []
        if isinstance(node, ast.Lambda):
            shown = ast.FunctionDef(LAMBDA, ast.arguments([], [], None, [], [], None, []), [], [])
            view = Scope(module=scope.module, name=LAMBDA, node=ast.copy_location(shown, node), parent=scope)
            return [view]
        found = self.inference.values(node, scope)
        owners = {each for each in found if isinstance(each, Scope) and not each.is_function}
        methods = self.methods(owners)
        return [*methods, *filter(None, map(self.inference.called, found - owners))]

    def methods(self, owners: Iterable[Scope]) -> list[Scope]:
        """The methods of classes of views, also of their bases."""
        found: dict[str, Scope] = {}
        for each in self.inference.methods(owners):
            found.setdefault(each.name.rpartition(".")[2], each)
        names = tables.HTTP_METHODS | {"dispatch_request"}
        return [method for name, method in found.items() if name in names]

    def _prefixes(self, name: str, depth: int = 0) -> list[str]:
        found: list[str] = []
        for parent, given in self._places.get(name, ()) if depth < MOST_ROUNDS else ():
            own = self._own.get(name, "") if given is None else given
            found += [_join(outer, own) for outer in self._prefixes(parent, depth + 1)]
        return found or [self._own.get(name, "")]

    def _name(self, node: ast.expr, scope: Scope) -> str:
        """The one name of what several modules may import."""
        name = dotted_name(node, scope)
        for _ in range(MOST_ROUNDS):
            module, _, last = name.rpartition(".")
            source = self.inference.modules.get(module)
            if source is None:
                break
            name = source.scope.imports.get(last, f"{source.name}.{last}")
            if name == f"{source.name}.{last}":
                return name
        holder = scope.holder(node.id) if isinstance(node, ast.Name) else None
        return name or f"{holder.place if holder else ''}.{ast.unparse(node)}"


def _method(view: Scope) -> str:
    """The method of requests to a view, if its name says it."""
    return view.name.rpartition(".")[2] if view.owner_class() else "route"


def _join(prefix: str, rule: str) -> str:
    return f"{prefix.rstrip('/')}/{rule.lstrip('/')}" if prefix and rule else prefix + rule


def choices(node: ast.expr, scope: Scope) -> Sequence[ast.expr]:
    """The expressions that a name stands for in a loop over a literal; else the expression itself."""
    match _value(node, scope):
        case ast.Subscript(value=rows, slice=ast.Constant(value=int(index))):  # one of several names
            found = [getattr(row, "elts", ())[index : index + 1] for row in _items(rows, scope)]
            return [each for one in found for each in one] or [node]
        case ast.expr() as value:
            return _items(value, scope) or [node]
    return [node]


def _items(node: ast.expr, scope: Scope) -> list[ast.expr]:
    """What a loop over an expression takes in turn, as far as it is literal."""
    match node:
        case ast.List() | ast.Tuple() | ast.Set():
            return node.elts
        case ast.Dict():
            return [each for each in node.keys if each]
        case ast.Call(func=ast.Attribute(value=held, attr="items")):
            literal = _value(held, scope) or held
            pairs = zip(literal.keys, literal.values, strict=True) if isinstance(literal, ast.Dict) else ()
            return [ast.Tuple([key, value], ast.Load()) for key, value in pairs if key]
    value = _value(node, scope)
    return _items(value, scope) if value else []


def _value(node: ast.expr, scope: Scope) -> ast.expr | None:
    """What a name is bound to last before it is used."""
    holder = scope.holder(node.id) if isinstance(node, ast.Name) else None
    bound = holder.bindings if holder else ()
    found = [(target.lineno, value) for target, value in bound if ast.unparse(target) == ast.unparse(node)]
    before = [value for line, value in found if holder is not scope or line <= node.lineno]
    return before[-1] if before else None


def text_of(node: ast.expr, scope: Scope) -> str:
    """The text that an expression is; its source if only a run can know."""
    parts = list(_texts(node, scope, 0))
    return ast.unparse(node) if None in parts else "".join(filter(None, parts))


def _texts(node: ast.expr, scope: Scope, depth: int) -> Iterator[str | None]:
    match node:
        case ast.Constant():
            yield str(node.value)
        case ast.BinOp(op=ast.Add()):
            yield from _texts(node.left, scope, depth)
            yield from _texts(node.right, scope, depth)
        case ast.JoinedStr():
            for each in node.values:
                yield from _texts(each.value if isinstance(each, ast.FormattedValue) else each, scope, depth)
        case ast.Name() if depth < MOST_ROUNDS and (value := _value(node, scope)):
            yield from _texts(value, scope, depth + 1)
        case _:
            yield None


def keyword(node: ast.Call, name: str) -> ast.expr | None:
    """The value of an argument that is given by name."""
    return next((each.value for each in node.keywords if each.arg == name), None)
