"""What it takes to start a deployment: the plan's settings, completed from the registry of servers."""

import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portcompare.http.requests import Address
from portcompare.plan import App, Deployment, Plan
from portcompare.plan.apps import ARM
from portcompare.serve.servers import ADAPTERS, APP_PYTHON, SERVERS, Knobs, Server, Serving

# Where a factory makes the application, this variable names the factory, and servers are given this target.
FACTORY = "PORTCOMPARE_FACTORY"
FACTORY_TARGET = "portcompare_factory:app"

# Where an adapter makes an ASGI app, this variable names it, its threads and the WSGI app.
ADAPTED = "PORTCOMPARE_ADAPTED"
ADAPTED_TARGET = "portcompare_adapted:app"

# Where a file of the app has the name of a library, this variable names those to import before the app's own.
FIRST_IMPORTS = "PORTCOMPARE_FIRST_IMPORTS"
FRAMEWORKS = {"wsgi": ("flask", "werkzeug"), "asgi": ("quart", "flask", "werkzeug")}
_LIBRARIES = {
    *sys.stdlib_module_names,
    *FRAMEWORKS["asgi"],
    *(name for server in SERVERS.values() for name in server.distributions),
    *ADAPTERS,
    # what these need
    *("aiofiles", "blinker", "click", "greenlet", "h2", "hpack", "hyperframe", "itsdangerous", "jinja2"),
    *("markupsafe", "packaging", "priority", "typing_extensions", "wsproto", "zope"),
}

# Variables that change what a server does; those of COVERAGE_ would have it traced if portcompare is.
_NOT_INHERITED = re.compile(
    "(COVERAGE|GRANIAN|GUNICORN|UVICORN)_.*|(FLASK|QUART)_DEBUG|PYTHON(ASYNCIODEBUG|DEVMODE|SAFEPATH)"
    "|FORWARDED_ALLOW_IPS|LISTEN_(FDS|PID)|NOTIFY_SOCKET|SENDFILE|VIRTUAL_ENV|WEB_CONCURRENCY"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeEnvironment:
    """What the programs of a deployment run in."""

    directory: Path  # the working directory
    python: str  # the interpreter
    import_folders: tuple[str, ...]  # besides the working directory
    added: Mapping[str, str]  # the environment variables of the plan, with `{arm}` still in their values

    @property
    def hidden_libraries(self) -> set[str]:
        """The libraries whose names files have that the app can import."""
        return {
            name
            for folder in (str(self.directory), *self.import_folders)
            for name in _LIBRARIES
            if any(Path(folder, place).is_file() for place in (f"{name}.py", f"{name}/__init__.py"))
        }

    def variables(self, arm: str) -> dict[str, str]:
        """All environment variables."""
        inherited = {n: value for n, value in os.environ.items() if not _NOT_INHERITED.fullmatch(n)}
        added = {name: value.replace(ARM, arm) for name, value in self.added.items()}
        variables = inherited | {"PYTHONUNBUFFERED": "1"} | added
        in_front = {"PYTHONPATH": self.import_folders, "PATH": (str(Path(self.python).parent),)}
        for name, folders in in_front.items():
            if folders:
                variables[name] = os.pathsep.join([*folders, *filter(None, [variables.get(name)])])
        return variables


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """How a server of the registry serves a deployment's app."""

    server: Server
    interface: str  # "wsgi" or "asgi"
    target: str  # the app, as the server or the adapter is given it
    adapter: str | None
    serving: Serving  # how the server serves it
    knobs: Knobs

    @property
    def distributions(self) -> tuple[str, ...]:
        """What must be installed to serve the app; the first is the server itself."""
        has_uvloop = "loop" in self.serving.knobs and self.knobs.loop == "uvloop"
        adapter = (self.adapter,) if self.adapter else ()
        return (*self.server.distributions, *(("uvloop",) if has_uvloop else ()), *adapter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A deployment, ready to be started, or the address of a server that already runs."""

    name: str  # its name in the plan
    app: App  # with every default where the plan names none
    deployment: Deployment
    config: ServerConfig | None  # None where a command serves the app, or a server that already runs
    runtime: RuntimeEnvironment
    host: str  # the address to listen on

    @property
    def url(self) -> str | None:
        """Where it already runs; None if it is to be started."""
        return None if self.deployment.url is None else self.deployment.url.rstrip("/")

    @property
    def port(self) -> int | None:
        """Its fixed port; None for a free one."""
        return self.deployment.port if self.url is None else Address.of(self.url).port

    def command(self, port: int | str, arm: str = ARM) -> tuple[str, ...]:
        """The command line that serves it."""
        if self.config is not None:
            config, python = self.config, self.runtime.python
            target = ADAPTED_TARGET if config.adapter else config.target
            arguments = config.serving.arguments_of(config.knobs, target, host=self.host, port=port)
            # With -m, a file of the app could hide the server.
            run = str(APP_PYTHON / "portcompare_run.py") if self.runtime.hidden_libraries else "-m"
            return (python, run, *arguments)
        words = shlex.split(self.deployment.command or "")
        for mark, value in {"{port}": str(port), "{host}": self.host, ARM: arm}.items():
            words = [word.replace(mark, value) for word in words]
        return tuple(words)

    def variables(self, arm: str) -> dict[str, str]:
        """All environment variables of the process that serves an arm."""
        variables = self.runtime.variables(arm)
        if self.config is not None and self.app.has_factory:
            variables[FACTORY] = str(self.app.target)
        if self.config is not None and self.config.adapter:
            variables[ADAPTED] = f"{self.config.adapter} {self.config.knobs.threads} {self.config.target}"
        if self.config is not None and (hidden := self.runtime.hidden_libraries):
            needed = (*self.config.distributions, *FRAMEWORKS[self.config.interface])
            variables[FIRST_IMPORTS] = ",".join([*needed, *({"asyncio"} & hidden)])
        return variables


def resolve_deployment(plan: Plan, name: str) -> Recipe:
    """Complete what the plan says of a deployment."""
    deployment, app = plan.deployments[name], plan.app_of(name)
    config = None
    if deployment.server is not None and app.target is not None and app.interface is not None:
        server = SERVERS[deployment.server]
        serving = server.ways[deployment.way(app.interface)]
        config = ServerConfig(
            server=server,
            interface=app.interface,
            target=FACTORY_TARGET if app.has_factory else app.target,
            adapter=deployment.adapter,
            serving=serving,
            knobs=serving.knobs_of(deployment),
        )
    python = sys.executable
    if app.python is not None:  # its own symbolic link is kept, as it marks the virtual environment
        python = str(plan.resolve(app.python.parent) / app.python.name)
    return Recipe(
        name=name,
        app=app,
        deployment=deployment,
        config=config,
        runtime=RuntimeEnvironment(
            directory=plan.resolve(app.directory),
            python=python,
            import_folders=(
                *(str(plan.resolve(path)) for path in app.pythonpath),
                *((str(APP_PYTHON),) if app.has_factory or deployment.adapter else ()),
            ),
            added=app.environment | deployment.environment,
        ),
        host=str(plan.host),
    )


def resolve_all(plan: Plan, upstream_url: str = "") -> dict[str, Recipe]:
    """Complete what the plan says of each deployment that it serves, by arm; upstreams come last, by name.

    `upstream_url`: stands for the address of each upstream; empty to keep their names.
    """
    arms = {arm.deployment: arm.name for arm in reversed(plan.arms)}
    names = dict.fromkeys((*(arm.deployment for arm in plan.arms), *plan.upstreams))
    if upstream_url:
        plan = plan.with_addresses(dict.fromkeys(plan.upstreams, upstream_url))
    return {arms.get(name, name): resolve_deployment(plan, name) for name in names}
