"""The parts of `make bench` that measure a function by itself, its processes beside stand-ins for AWS (docs/performance.md)."""

from pathlib import Path
from typing import Any

from stack import build, peers
from stack.places import BENCH, ROOT

# How the functions are compiled: as for AWS, which takes the compiler minutes for each; or without link-time
# optimisation.
PROFILES = ("release", "quick")


def receive(profile: str) -> tuple[Path, dict[str, Any]]:
    """The binary that measures `receive`, and what it is told."""
    return build.binary("receive_bench", BENCH), {
        "receive": str(build.function("receive", profile)),
        "floor": str(build.function("floor", profile)),
        "profile": build.in_words(profile),
        "events_folder": str(ROOT / "events"),
        "out": str(BENCH.home),
        "peers": [peer.told() for peer in peers.ensure()],
        "starts": 21,
        "events": 4000,
    }


def deliver(profile: str) -> tuple[Path, dict[str, Any]]:
    """The binary that measures `deliver`, and what it is told."""
    return build.binary("deliver_bench", BENCH), {
        "deliver": str(build.function("deliver", profile)),
        "profile": build.in_words(profile),
        "out": str(BENCH.home),
        "deliveries": 3000,
        "endpoints": 1000,
        "mixed": 100,
        "slow_ms": 2500,
    }
