"""`make bench`: the load run of outbound webhooks, against a local stack of its own on free ports (docs/performance.md)."""

import json
import subprocess

from commands import up
from stack import build, ports, servers
from stack.environment import compiling, environment
from stack.places import BENCH, ROOT, SETUP_LOGS, shown
from stack.progress import run, step

TARGET = ["cargo", "bench", "--package", "gancho-tests", "--bench", "outbound"]


def bench(rate: float, seconds: float, seed: int) -> int:
    """Measures; 1 if a webhook was lost. What is fast or slow is told and not judged."""
    servers.stop_all(BENCH)
    argv = [*TARGET, "--target", build.triple()]
    compile_as = compiling(optimised=True)
    with step("Building the load run"):
        run([*argv, "--no-run"], environment(**compile_as), SETUP_LOGS / "build-bench.log")
    try:
        cloud, sandbox, receiver = (ports.free_port() for _ in range(3))
        stack = up.start(BENCH, cloud, sandbox, receiver)
        settings = json.dumps({"rate": rate, "seconds": seconds, "seed": seed})
        told = {"GANCHO_STACK": str(BENCH.stack_file), "GANCHO_BENCH": settings}
        with step(f"Measuring (logs of the functions' cloud: {shown(BENCH.logs)})"):
            env = environment(stack["endpoint_url"], **compile_as, **told)
            return subprocess.run([*argv, "--quiet"], cwd=ROOT, env=env, check=False).returncode
    finally:
        servers.stop_all(BENCH)
