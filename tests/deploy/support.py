"""What deploy/ says: container files by their instructions, and the compose file with its variables."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


class ContainerFile:
    """The instructions of a container file, in their order; `final` has those of the last stage, by name."""

    def __init__(self, path: Path) -> None:
        text = re.sub(r"^#.*\n|\n(?=\n)", "", path.read_text(), flags=re.MULTILINE)
        lines = re.sub(r"\s*\\\n\s*", " ", text).split("\n")
        self.instructions = [
            (name, rest) for name, _, rest in (line.partition(" ") for line in lines if line)
        ]
        begins = max(place for place, (name, _) in enumerate(self.instructions) if name == "FROM")
        self.final = dict(self.instructions[begins:])

    def all_of(self, name: str) -> list[str]:
        return [rest for instruction, rest in self.instructions if instruction == name]

    def words_of(self, name: str) -> list[str]:
        """The command of an instruction in exec form; empty if there is no such instruction."""
        _, opening, words = self.final.get(name, "[]").partition("[")
        command: list[str] = json.loads(opening + words)
        return command


IMAGES = {path.stem: ContainerFile(path) for path in sorted(DEPLOY.glob("*.Dockerfile"))}


def read_compose(environment: Mapping[str, str]) -> dict[str, Any]:
    """The compose file with its variables; raises KeyError if one that must be set is not."""

    def value_of(found: re.Match[str]) -> str:
        name, kind, default = found.groups()
        return environment.get(name, default) if kind == "-" else environment[name]

    text = (DEPLOY / "compose.yaml").read_text()
    compose: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{(\w+):([-?])([^}]*)\}", value_of, text))
    return compose
