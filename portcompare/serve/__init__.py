"""Servers: how each is started, kept, watched and stopped."""

from portcompare.serve.cpus import CpuAssignment, assign_cpus, find_cpu_problems, generator_cpus
from portcompare.serve.deployments import serve_deployments, serve_upstreams
from portcompare.serve.live import Standing, Use
from portcompare.serve.manifest import describe_manifest
from portcompare.serve.preflight import preflight
from portcompare.serve.processes import Supervised, start_supervised, stop_all
from portcompare.serve.running import (
    SETTLE_LIMIT_S,
    ForeignServer,
    RunningServer,
    StartedServer,
    measure_idle,
    measure_usage,
    wait_until_settled,
)
from portcompare.serve.servers import SERVERS, Server, vocabulary
from portcompare.serve.setups import prepare_arms

__all__ = [
    "SERVERS",
    "SETTLE_LIMIT_S",
    "CpuAssignment",
    "ForeignServer",
    "RunningServer",
    "Server",
    "Standing",
    "StartedServer",
    "Supervised",
    "Use",
    "assign_cpus",
    "describe_manifest",
    "find_cpu_problems",
    "generator_cpus",
    "measure_idle",
    "measure_usage",
    "preflight",
    "prepare_arms",
    "serve_deployments",
    "serve_upstreams",
    "start_supervised",
    "stop_all",
    "vocabulary",
    "wait_until_settled",
]
