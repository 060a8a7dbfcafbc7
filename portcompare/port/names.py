"""What the expressions of a project may stand for: functions, classes, and objects of known kinds."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from portcompare.port import tables
from portcompare.port.sources import Module, Scope, Site, parts
from portcompare.port.values import NOTHING, Instance, Name, Value, Values, canonical, is_property

MOST_ROUNDS = 20  # so many assignments in a row is a value followed
MOST_PARTS = 8  # so long a library's dotted name is followed
DERIVED = "<derived>"  # where the classes are remembered that derive from one
_HOLDERS = ("flask.Flask.", "flask.current_app.", "flask.g.")  # whose attributes are those of the project
_TAINTED = ("lib:", "left:", "pathlib.")  # kinds whose attributes and results are of the same kind


@dataclass(eq=False, slots=True)
class Names:
    """All that is known of a project's names."""

    modules: Mapping[str, Module]
    _known: dict[tuple[object, str], Values] = field(default_factory=lambda: defaultdict(set))
    _methods: dict[str, list[Scope]] = field(default_factory=dict)  # of the project's classes, by name

    def called(self, value: Value) -> Scope | None:
        """The project's function that a call of a value runs, if any."""
        match value:
            case Scope(node=ast.ClassDef()):
                return self._method(value, "__init__") or self._method(value, "__post_init__")
            case Scope():
                return value
            case Instance():
                return self._method(value.of, "__call__")
        return None

    def _made_by(self, value: Value) -> Values:
        """What a call of something of the project results in."""
        if isinstance(value, Scope) and not value.is_function:
            return {Instance(value)}
        return self._known[self.called(value), "return"]

    def values(self, node: ast.expr | None, scope: Scope) -> Values:
        """All that an expression may stand for, as far as known."""
        match node:
            case ast.Name():
                return self._named(node.id, scope)
            case ast.Attribute():
                return self._attributes(node, scope)
            case ast.Call():
                return self._results(node, scope)
            case ast.Subscript():
                found = self.values(node.value, scope)
                named = {each.dotted for each in found if isinstance(each, Name)}
                kinds: Values = {tables.KINDS[name] for name in named & tables.KINDS.keys()}
                return kinds | {each for each in found if not isinstance(each, Name)}
        return self._union(parts(node), scope)

    def _union(self, nodes: Iterable[ast.expr | None], scope: Scope) -> Values:
        return {value for node in nodes for value in self.values(node, scope)}

    def _named(self, name: str, scope: Scope) -> Values:
        holder = scope.holder(name)
        if holder is None:
            return {Name(name)}
        if name in holder.inner:
            return self.decorated(holder.inner[name])
        if name in holder.imports:
            return self.lookup(holder.imports[name])
        return self._known[holder, name]

    def decorated(self, scope: Scope) -> Values:
        """What the name of a function or class stands for, after its decorators."""
        return self._known[scope, "decorated"] or {scope}

    def lookup(self, dotted: str, depth: int = 0) -> Values:
        """What a dotted name stands for: something of the project, or a library's name."""
        parts = dotted.split(".")
        for end in range(len(parts), 0, -1):
            module = self.modules.get(".".join(parts[:end]))
            if module is not None and end == len(parts):
                break
            if module is not None:
                found = self._member(module.scope, parts[end], depth)
                for attribute in parts[end + 1 :]:
                    found = {value for each in found for value in self._attribute(each, attribute)}
                return found
        name = Name(canonical(dotted))
        return {name} | self._known.get((name, "is also"), NOTHING)

    def _member(self, scope: Scope, name: str, depth: int = 0) -> Values:
        """What a module or a class has under a name."""
        if name in scope.inner:
            return self.decorated(scope.inner[name])
        if name in scope.imports and depth < MOST_ROUNDS:
            return self.lookup(scope.imports[name], depth + 1)
        known = self._known.get((scope, name), NOTHING)
        if known or not isinstance(scope.node, ast.ClassDef):
            return known
        return {value for base in self.bases(scope) for value in self._attribute(base, name, depth + 1)}

    def bases(self, scope: Scope) -> Values:
        """The base classes of a class."""
        bases = scope.node.bases if isinstance(scope.node, ast.ClassDef) else ()
        return self._union(bases, scope.parent or scope) - {scope}

    def _method(self, scope: Scope, name: str) -> Scope | None:
        return next((each for each in self._member(scope, name) if isinstance(each, Scope)), None)

    def _attributes(self, node: ast.Attribute, scope: Scope) -> Values:
        owners = self.values(node.value, scope)
        if not owners:
            return self._known.get(("unknown", node.attr), NOTHING)
        return {value for owner in owners for value in self._attribute(owner, node.attr)}

    def _attribute(self, owner: Value, name: str, depth: int = 0) -> Values:
        if depth > MOST_ROUNDS:
            return NOTHING
        if isinstance(owner, str):
            dotted = f"{owner}.{name}"
            named: Values = {Name(dotted)} if dotted in tables.KINDS else NOTHING
            named = {tables.ATTRIBUTES[owner, name]} if (owner, name) in tables.ATTRIBUTES else named
            return {owner} if owner.startswith(_TAINTED) else self._known.get((owner, name), named)
        if isinstance(owner, Name):
            path = owner.dotted.split(".")
            if name in path[1:] or len(path) > MOST_PARTS:  # `node = node.parent` would grow for ever
                return {owner}
            held = {
                value for kind in self.kinds_of(owner) for value in self._attribute(kind, name, depth + 1)
            }
            return self._known.get((owner, name), NOTHING) | held | self.lookup(f"{owner.dotted}.{name}")
        found = self._member(owner.of if isinstance(owner, Instance) else owner, name, depth)
        read = {each for each in found if isinstance(owner, Instance) and is_property(each)}
        return found - read | {value for each in read for value in self._known[each, "return"]}

    def properties(self, node: ast.Attribute, scope: Scope) -> list[Scope]:
        """The properties of the project that an attribute reads."""
        owners = [each.of for each in self.values(node.value, scope) if isinstance(each, Instance)]
        found = [value for owner in owners for value in self._member(owner, node.attr)]
        computed = [self._method(owner, "__getattr__") for owner in owners if not found]
        return [each for each in found if isinstance(each, Scope) and is_property(each)] + [
            *filter(None, computed)
        ]

    def _results(self, node: ast.Call, scope: Scope) -> Values:
        found: Values = set()
        for callee in self.values(node.func, scope):
            match callee:
                case Name():
                    found |= self._made(callee.dotted, node, scope)
                case Scope() | Instance():
                    found |= self._made_by(callee)
                case str() if callee.startswith(_TAINTED):
                    found.add(callee)
        if isinstance(node.func, ast.Name):
            found |= self._looked_up(node.func.id, node, scope)
        if isinstance(node.func, ast.Attribute):
            owners = self.values(node.func.value, scope)
            if node.func.attr == "as_view":  # stands for the class, whose methods are the views
                return {each for each in owners if isinstance(each, Scope)}
            kinds = {kind for each in owners for kind in self.kinds_of(each)}
            found |= {
                tables.METHOD_RESULTS[kind, node.func.attr]
                for kind in kinds
                if (kind, node.func.attr) in tables.METHOD_RESULTS
            }
            if node.func.attr in tables.CONTAINED:  # functions that a container holds
                found |= {each for each in owners if isinstance(each, Scope) and each.is_function}
            if node.func.attr in ("pop", "get", "setdefault") and Name("flask.g") in owners and node.args:
                key = node.args[0]
                found |= self._known[Name("flask.g"), str(getattr(key, "value", ""))]
        return found

    def _looked_up(self, name: str, node: ast.Call, scope: Scope) -> Values:
        """What builtins find that look up names."""
        if name == "super":
            return self._bases_of_super(node, scope)
        if name == "globals":
            return {each for each in scope.module.scope.inner.values() if each.is_function}
        return self._got(node, scope) if name == "getattr" and len(node.args) > 1 else NOTHING

    def _got(self, node: ast.Call, scope: Scope) -> Values:
        """What `getattr(...)` may result in: an attribute, or any method if its name is not known."""
        owner, name, *default = node.args
        found = self._union(default, scope)
        if isinstance(name, ast.Constant):
            read = ast.Attribute(value=owner, attr=str(name.value), ctx=ast.Load())
            return found | self._attributes(read, scope)
        methods = self.methods(self.values(owner, scope))
        return found | {each for each in methods if not each.name.endswith("__")}

    def _bases_of_super(self, node: ast.Call, scope: Scope) -> Values:
        owner = scope.owner_class()
        classes = self.values(node.args[0], scope) if node.args else {owner} if owner else NOTHING
        return self._objects(
            {base for each in classes if isinstance(each, Scope) for base in self.bases(each)}
        )

    def guess(self, node: ast.expr, scope: Scope) -> list[Scope]:
        """The project's methods that a call may run on an object of which nothing is known."""
        if not isinstance(node, ast.Attribute):
            return []
        owners = self.values(node.value, scope)
        is_unknown = all(isinstance(each, Name) and each.dotted.startswith(_HOLDERS) for each in owners)
        return self._methods.get(node.attr, []) if is_unknown else []

    def _made(self, dotted: str, node: ast.Call, scope: Scope) -> Values:
        """What a call of a library's name makes."""
        if dotted in tables.PASSING:
            return self._union([*node.args, *(each.value for each in node.keywords)], scope)
        return self._instance(dotted)

    def _instance(self, dotted: str) -> Values:
        if dotted in tables.KINDS:
            return {tables.KINDS[dotted]}
        if dotted == "pathlib.Path":
            return {dotted}
        package = tables.package_of(dotted)
        if tables.is_left(package):
            return {f"left:{package}"}
        return (
            {f"lib:{package}"} if package in tables.BLOCKING_PACKAGES or package in tables.KEPT else NOTHING
        )

    def _objects(self, classes: Values) -> Values:
        """The objects of some classes."""
        found: Values = set()
        for each in classes:
            match each:
                case Name():
                    found |= self._instance(each.dotted)
                case Scope(node=ast.ClassDef()):
                    found.add(Instance(each))
                case str():  # of what is known no more than that it blocks
                    found.add(each)
        return found

    def kinds_of(self, value: Value, depth: int = 0) -> set[str]:
        """The kinds of an object, also those of the base classes of its class."""
        if isinstance(value, str):
            return {value}
        if isinstance(value, Name):
            is_object = value.dotted in (*tables.CURRENT.values(), "flask.request.files")
            return {tables.KINDS[value.dotted]} if is_object else set()
        if isinstance(value, Instance) and depth < MOST_ROUNDS:
            instances = self._objects(self.bases(value.of))
            return {kind for each in instances for kind in self.kinds_of(each, depth + 1)}
        return set()

    def kinds(self, node: ast.expr, scope: Scope) -> set[str]:
        """The kinds of the objects that an expression may stand for."""
        return {kind for value in self.values(node, scope) for kind in self.kinds_of(value)}

    def methods(self, values: Iterable[Value]) -> list[Scope]:
        """All methods of the project that objects and classes have."""
        owners: list[Scope] = []
        left = list(values)
        while left:
            each = left.pop()
            owner = each.of if isinstance(each, Instance) else each
            if isinstance(owner, Scope) and not owner.is_function and owner not in owners:
                owners.append(owner)
                left += self.bases(owner)
        return [each for owner in owners for each in owner.inner.values() if each.is_function]

    def is_app(self, name: str, scope: Scope) -> bool:
        """Whether a name stands for an app."""
        return any("flask.Flask" in self.kinds_of(each) for each in self._named(name, scope))

    def names(self, node: ast.expr, scope: Scope) -> set[str]:
        """The names of libraries that an expression may stand for."""
        return {value.dotted for value in self.values(node, scope) if isinstance(value, Name)}

    def makes_app(self, module: Module) -> bool:
        """Whether a module makes a Flask app."""
        return any(
            isinstance(site.node, ast.Call) and self._is_app_class(site.node.func, site.scope)
            for scope in module.scopes
            for site in scope.sites
        )

    def _is_app_class(self, node: ast.expr, scope: Scope) -> bool:
        return any(
            (isinstance(value, Name) and value.dotted == "flask.Flask")
            or (isinstance(value, Scope) and "flask.Flask" in self.library_bases(value))
            for value in self.values(node, scope)
        )

    def returns(self, scope: Scope) -> Values:
        """What a function may return."""
        return self._known[scope, "return"]

    def functions(self, node: ast.expr, scope: Scope) -> list[Scope]:
        """The project's functions that a call of an expression may run."""
        return [each for each in map(self.called, self.values(node, scope)) if each]

    def is_proxy_fix(self, site: Site) -> bool:
        """Whether a `wsgi_app` is what werkzeug's ProxyFix wraps, or is set to that."""
        call = site.parent.value if isinstance(site.parent, ast.Assign) else site.parent
        if not isinstance(call, ast.Call) or not call.args or not isinstance(call.args[0], ast.Attribute):
            return False
        is_app = call.args[0].attr == "wsgi_app"
        return is_app and tables.PROXY_FIX in self.names(call.func, site.scope)

    def library_bases(self, owner: Scope, depth: int = 0) -> set[str]:
        """The classes of libraries that a class derives from."""
        found: set[str] = set()
        for base in self.bases(owner):
            if isinstance(base, Name):
                found.add(base.dotted)
            elif isinstance(base, str):
                found.add(base.removeprefix("lib:"))
            elif isinstance(base, Scope) and depth < MOST_ROUNDS:
                found |= self.library_bases(base, depth + 1)
        return found
