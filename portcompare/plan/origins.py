"""Where a key of the plan stands: in the plan itself or in a file that it includes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """The files a plan is made of.

    Attributes:
        plan: The plan file.
        included: The file that each included entry stands in, by its table and name.
        inline: The key that each deployment stands in that has no table of its own, by its name.
    """

    plan: Path
    included: Mapping[tuple[str, str], Path]
    inline: Mapping[str, str] = field(default_factory=dict)

    def where(self, *key: str | int) -> str:
        """A key with its file, for a message.

        Args:
            key: The key's parts.

        Returns:
            Text such as "loadtests/twins.toml: apps.flask.target".
        """
        parts = [str(part) for part in key]
        if parts[0] == "deployments" and len(parts) > 1 and parts[1] in self.inline:
            return f"{self.plan}: {'.'.join([self.inline[parts[1]], *parts[2:]])}"
        path = self.included.get((parts[0], parts[1]), self.plan) if len(parts) > 1 else self.plan
        return f"{path}: {'.'.join(parts)}"
