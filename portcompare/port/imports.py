"""What becomes of the import statements of a module."""

import ast

from portcompare.port.helper import HELPERS
from portcompare.port.rewrite import ImportEdit
from portcompare.port.sources import Module, absolute_name
from portcompare.port.tables import ONLY_FLASK, RENAMED
from portcompare.port.values import canonical


def source(module: Module, node: ast.Import | ast.ImportFrom) -> str:
    """What an import statement imports from."""
    return absolute_name(module, node) if isinstance(node, ast.ImportFrom) else node.names[0].name


def count_uses(module: Module) -> dict[str, int]:
    """How often each name is used."""
    found: dict[str, int] = {}
    for scope in module.scopes:
        for site in scope.sites:
            if isinstance(site.node, ast.Name):
                found[site.node.id] = found.get(site.node.id, 0) + 1
    return found


def import_edit(
    module: Module, node: ast.Import | ast.ImportFrom, unused: set[str]
) -> tuple[ImportEdit | None, set[str]]:
    """What becomes of an import, and the names of the helper that are imported in its place."""
    aliases = {alias.name: alias.asname for alias in node.names}
    kept = {name: name for name, as_name in aliases.items() if (as_name or name) not in unused}
    if isinstance(node, ast.Import):
        modules = {name: "quart" + name.removeprefix("flask") if is_flask(name) else name for name in kept}
        changed = modules != {name: name for name in aliases}
        return (ImportEdit(modules=modules, names={}) if changed else None), set()
    origin = absolute_name(module, node)
    if not is_flask(origin):
        return (ImportEdit(modules={}, names=kept) if len(kept) < len(aliases) else None), set()
    names: dict[str, str] = {}
    helped: set[str] = set()
    stays = [name for name in kept if f"{origin}.{name}".startswith(ONLY_FLASK)]
    brought = module.scope.imports.items() if "*" in kept else ()
    by_star = {name for name, dotted in brought if dotted == f"{origin}.{name}"}
    for name in {**kept, **dict.fromkeys(by_star)}:
        new = RENAMED.get(canonical(f"{origin}.{name}"), name)
        if new in HELPERS and _uses_helper(module, aliases.get(name) or name, new):
            helped.add(f"{new} as {aliases[name]}" if aliases.get(name) else new)
        elif name in kept and name not in stays:
            names[name] = new
    added = [f"from {origin} import {', '.join(stays)}"] if stays else []
    modules = {origin: "quart" + origin.removeprefix("flask")}
    return ImportEdit(modules=modules, names=names, added=added), helped


def _uses_helper(module: Module, name: str, new: str) -> bool:
    """Whether a name must come from the helper: classes, where one is made or derived from."""
    if not new[0].isupper():
        return True
    calls = (each for scope in module.scopes for each in scope.sites)
    return any(
        isinstance(each.node, ast.Name)
        and each.node.id == name
        and (isinstance(each.parent, ast.Call | ast.ClassDef))
        for each in calls
    )


def helper_import(helper_name: str, module: Module, names: list[str]) -> str:
    """The statement that imports names of the helper."""
    helper, own = helper_name.split("."), module.name.split(".")
    package = own if module.is_package else own[:-1]
    common = 0
    while common < min(len(helper) - 1, len(package)) and helper[common] == package[common]:
        common += 1
    source = "." * (len(package) - common + 1) + ".".join(helper[common:]) if common else ".".join(helper)
    return f"from {source} import {', '.join(names)}"


def is_flask(module: str) -> bool:
    """Whether a module is one of Flask."""
    return module == "flask" or module.startswith("flask.")
