"""What the handlers of an app leave of a server's slots, as the plan's scenarios say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.manifest import Ceiling
from portcompare.serve.servers import executor_threads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portcompare.plan import Scenario
    from portcompare.serve.recipe import ByRegistry


def find_ceilings(
    scenarios: Mapping[str, Scenario],
    app: str,
    served_by: ByRegistry,
    cpu_count: int,
    version: tuple[int, int],
) -> dict[str, Ceiling]:
    """Find the ceilings of a deployment.

    Args:
        scenarios: The plan's scenarios by name.
        app: The name of its app.
        served_by: How a server of the registry serves it.
        cpu_count: CPUs that it may use when it starts.
        version: Of the Python that it runs on.

    Returns:
        A ceiling for each scenario in which the app has fewer slots than the server.
    """
    of_a_worker = {
        "event-loop": (1, "blocked event loop"),
        "executor": (executor_threads(cpu_count, version), "executor thread"),
    }
    server_slots = served_by.serving.slots(served_by.knobs, cpu_count, version)
    ceilings = {}
    for name, scenario in scenarios.items():
        said = scenario.slots.get(app)
        if said is None:
            continue
        slots, noun = (said, "slot") if isinstance(said, int) else of_a_worker[said]
        slots *= served_by.knobs.workers
        if server_slots is None or slots < server_slots:
            ceilings[name] = Ceiling(slots=slots, noun=noun)
    return ceilings
