"""Servers: how each is started, watched, measured and stopped."""

from portcompare.serve.cpus import CpuAssignment, assign_cpus, generator_cpus
from portcompare.serve.deployments import LiveServers, Use, assign_ports, serve_deployments, serve_upstreams
from portcompare.serve.manifest import describe_manifest
from portcompare.serve.preflight import preflight
from portcompare.serve.processes import Supervised, start_supervised
from portcompare.serve.running import SETTLE_LIMIT_S, RunningServer, measure_idle, wait_until_settled
from portcompare.serve.servers import SERVERS, vocabulary
from portcompare.serve.setups import prepare_arms

__all__ = [
    "SERVERS",
    "SETTLE_LIMIT_S",
    "CpuAssignment",
    "LiveServers",
    "RunningServer",
    "Supervised",
    "Use",
    "assign_cpus",
    "assign_ports",
    "describe_manifest",
    "generator_cpus",
    "measure_idle",
    "preflight",
    "prepare_arms",
    "serve_deployments",
    "serve_upstreams",
    "start_supervised",
    "vocabulary",
    "wait_until_settled",
]
