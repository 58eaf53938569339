"""`make bench`: what is measured, part by part, on this machine (docs/performance.md)."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands import bench_functions, up
from stack import build, ports, servers
from stack.environment import environment
from stack.places import BENCH, ROOT, shown
from stack.progress import Failed, step


@dataclass(frozen=True)
class Load:
    """What the load run offers, and how the functions that are measured by themselves are compiled."""

    rate: float
    seconds: float
    seed: int
    profile: str = "quick"


def bench(load: Load, only: str | None = None) -> int:
    """Measures, all parts or one; 1 if a part found something wrong. What is fast or slow is told and not judged."""
    if only is not None and only not in PARTS:
        raise Failed(f"there is no part {only}: {', '.join(PARTS)}")
    return max(part(load) for name, part in PARTS.items() if only in (None, name))


def _outbound(load: Load) -> int:
    """The load run of outbound webhooks, against a local stack of its own on free ports; 1 if a webhook was lost."""
    servers.stop_all(BENCH)
    try:
        load_run = build.binary("outbound", BENCH)
        cloud, sandbox, receiver = (ports.free_port() for _ in range(3))
        stack = up.start(BENCH, cloud, sandbox, receiver)
        settings = json.dumps({"rate": load.rate, "seconds": load.seconds, "seed": load.seed})
        env = environment(stack["endpoint_url"], GANCHO_STACK=str(BENCH.stack_file), GANCHO_BENCH=settings)
        with step(f"Measuring (logs of the functions' cloud: {shown(BENCH.logs)})"):
            return _run(load_run, env)
    finally:
        servers.stop_all(BENCH)


def _scale(_: Load) -> int:
    """What grows with the table: in one process, no stack."""
    measuring = build.binary("scale", BENCH)
    with step("Measuring what grows with the table"):
        return _run(measuring, environment())


def _receive(load: Load) -> int:
    """What `receive` costs by itself, beside the floor and peers: processes, no stack."""
    return _by_itself(*bench_functions.receive(load.profile))


def _deliver(load: Load) -> int:
    """What `deliver` costs by itself: processes, no stack."""
    return _by_itself(*bench_functions.deliver(load.profile))


def _by_itself(binary: Path, told: dict[str, Any]) -> int:
    with step(f"Measuring (logs of the functions: {shown(BENCH.home)})"):
        return _run(binary, environment(GANCHO_BENCH=json.dumps(told)))


def _timing(load: Load) -> int:
    """Whether the time of a check tells how much of a guess was right: in one process, no stack; 1 if it cannot tell."""
    measuring = build.binary("timing", BENCH)
    with step("Timing the checks of signatures and tokens"):
        return _run(measuring, environment(GANCHO_BENCH=json.dumps({"seed": load.seed})))


def _cost(_: Load) -> int:
    """Dollars for a million events, from what was measured and published prices: docs/costs.md."""
    return subprocess.run([sys.executable, str(ROOT / "tests" / "bench" / "cost" / "cost.py")], cwd=ROOT, env=environment(), check=False).returncode


def _run(binary: Path, env: dict[str, str]) -> int:
    return subprocess.run([binary], cwd=ROOT, env=env, check=False).returncode


PARTS: dict[str, Callable[[Load], int]] = {
    "outbound": _outbound,
    "scale": _scale,
    "receive": _receive,
    "deliver": _deliver,
    "timing": _timing,
    # Last: it reads what the others have written.
    "cost": _cost,
}
