"""A machine and a load generator without fault."""

from portcompare.doctor.ceiling import Ceiling
from portcompare.doctor.machine import Machine
from portcompare.records.rounds import Latency

GIB = 1024**3
MACHINE = Machine(
    cpu_model="Fast CPU",
    cpu_count=4,
    usable_cpus=(0, 1, 2, 3),
    server_cpus=(0,),
    generator_cpus=(3,),
    cpu_quota=None,
    busy_ratio=0.02,
    load_average=0.3,
    governors=("performance",),
    open_files_soft=20_000,
    open_files_hard=20_000,
    open_files_given=20_000,
    backlog_limit=4096,
    kernel="Linux 6.1",
    memory_bytes=8 * GIB,
    available_bytes=6 * GIB,
    clock_source="tsc",
    clock_step_s=5e-8,
    browser="/usr/bin/chromium",
    playwright="1.49",
    servers={"uvicorn": "0.34", "gunicorn": "23.0"},
    missing={},
)
LATENCY_S = Latency(p50=5e-05, p95=6e-05, p99=8e-05, p999=1e-04, max=1e-03)
CEILING = Ceiling(
    latency_s=LATENCY_S,
    users=32,
    closed_rps=20_000.0,
    closed_low_rps=19_600.0,
    closed_high_rps=20_200.0,
    closed_cpu_ratio=0.99,
    error_kinds={},
    trusted_rps=14_000.0,
    trusted_cpu_ratio=0.88,
    trusted_lag_p99_s=0.0002,
    untrusted_reason="the load generator was at 91.0% of its CPU and may be the limit",
)
