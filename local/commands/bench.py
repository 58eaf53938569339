"""`make bench`: the load run of outbound webhooks, against a local stack of its own on free ports (docs/performance.md)."""

import json
import subprocess

from commands import up
from stack import build, ports, servers
from stack.environment import environment
from stack.places import BENCH, ROOT, shown
from stack.progress import step


def bench(rate: float, seconds: float, seed: int) -> int:
    """Measures; 1 if a webhook was lost. What is fast or slow is told and not judged."""
    servers.stop_all(BENCH)
    try:
        load_run = build.binary("outbound", BENCH)
        cloud, sandbox, receiver = (ports.free_port() for _ in range(3))
        stack = up.start(BENCH, cloud, sandbox, receiver)
        settings = json.dumps({"rate": rate, "seconds": seconds, "seed": seed})
        env = environment(stack["endpoint_url"], GANCHO_STACK=str(BENCH.stack_file), GANCHO_BENCH=settings)
        with step(f"Measuring (logs of the functions' cloud: {shown(BENCH.logs)})"):
            return subprocess.run([load_run], cwd=ROOT, env=env, check=False).returncode
    finally:
        servers.stop_all(BENCH)
