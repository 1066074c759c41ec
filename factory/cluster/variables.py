"""What every machine of a cluster exports before `ray start`, as lines for a shell."""

from __future__ import annotations

import shlex

from factory.cluster import ENVIRONMENT

WHY = {
    "RAY_grpc_client_keepalive_time_ms": "a cut network is noticed in seconds, not minutes",
    "RAY_health_check_initial_delay_ms": "a dead node is noticed in seconds",
    "RAY_AUTH_MODE": "nobody joins without the token of ~/.ray/auth_token or RAY_AUTH_TOKEN_PATH",
    "RAY_USAGE_STATS_ENABLED": "nothing about the cluster is sent to anybody",
    "GOMP_SPINCOUNT": "threads that wait leave the processor to others",
    "MKL_CBWR": "the same sums on every run of one machine",
}
NICENESS = """\
# Ray's workers run at niceness 15: on machines that others use too they wait for everybody else. Then also:
# export RAY_worker_niceness=0
"""


def exports() -> str:
    """Return the lines; every variable has its value, and the first of a kind says why."""
    lines = []
    for name, value in ENVIRONMENT.items():
        if name in WHY:
            lines.append(f"# {WHY[name]}")
        lines.append(f"export {name}={shlex.quote(value)}")
    return "\n".join(lines) + "\n" + NICENESS
