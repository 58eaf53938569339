"""Building the functions, with the same template and command as for AWS, and what is run beside them."""

import json
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

from stack.environment import compiling, environment
from stack.places import BENCH, LOCAL, ROOT, RUN, SETUP_LOGS, TEMPLATE, Site
from stack.progress import Failed, run, step

# Whose binary it is.
PACKAGES = dict.fromkeys(("sandbox", "soak", "rehearsal"), "gancho-tests") | dict.fromkeys(
    ("outbound", "scale", "receive_bench", "deliver_bench", "timing"), "gancho-bench"
)


def architecture() -> str:
    """The parameter `Architecture` that fits this machine."""
    known = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
    machine = platform.machine().lower()
    if machine not in known:
        raise Failed(f"no function runs on a processor like this one ({machine})")
    return known[machine]


@contextmanager
def artefacts_locked() -> Iterator[None]:
    """Holds what was built still while it is deployed: `make run` and `make test` share it."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "artefacts.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield


def functions(site: Site = RUN) -> None:
    """Builds every function of the template."""
    functions_of(site, ROOT)


def functions_of(site: Site, tree: Path) -> None:
    """Builds every function of a version's template, with its files in `tree`, into the one target directory."""
    argv = ["sam", "build", "--template", str(tree / TEMPLATE.name), "--build-dir", str(site.built)]
    with step("Building the functions (the first time, a few minutes)"):
        run(
            [*argv, "--parameter-overrides", f"Architecture={architecture()}"],
            environment(**compiling(optimised=site.optimised), CARGO_TARGET_DIR=str(target_directory())),
            SETUP_LOGS / "build-functions.log",
            life=lambda: _compiled(site),
        )


def binary(name: str, site: Site) -> Path:
    """Builds the sandbox or what is run against a stack; where a copy is, since cargo-lambda takes every binary out of Cargo's directory."""
    profile = ["--release"] if site.optimised else []
    with step(f"Building `{name}`"):
        run(
            ["cargo", "build", "--package", PACKAGES[name], "--bin", name, "--target", triple(), *profile],
            environment(**compiling(optimised=site.optimised)),
            SETUP_LOGS / f"build-{name}.log",
            life=lambda: _compiled(site),
        )
    return _copied(_built_by_cargo(site) / name, _kept(site) / name)


def _copied(built: Path, kept: Path) -> Path:
    kept.parent.mkdir(parents=True, exist_ok=True)
    # Renamed into place: the one that may be running keeps its file.
    shutil.copy2(built, kept.with_suffix(".new"))
    kept.with_suffix(".new").replace(kept)
    return kept


def function(name: str, profile: str) -> Path:
    """Builds a function, or the floor, without SAM; where a copy is. `release` is the profile that goes to AWS."""
    as_for_aws = profile == "release"
    env = environment() if as_for_aws else environment(**compiling(optimised=True))
    with step(f"Building `{name}`" + (" as for AWS (minutes)" if as_for_aws else "")):
        run(
            ["cargo", "build", "--locked", "--release", "--package", name, "--target", triple()],
            env,
            SETUP_LOGS / f"build-{name}-{profile}.log",
            life=lambda: _compiled(BENCH),
        )
    return _copied(_built_by_cargo(BENCH) / name, LOCAL / "bin" / profile / name)


def in_words(profile: str) -> str:
    """How `function` compiles, for a reader of the numbers."""
    return "as for AWS" if profile == "release" else "as for AWS, but without link-time optimisation"


def triple() -> str:
    """This machine's target. Named, since cargo-lambda names it too and Cargo shares nothing across that difference."""
    return next(line[6:] for line in _ask("rustc", "-vV").splitlines() if line.startswith("host: "))


def target_directory() -> Path:
    """Where Cargo builds."""
    return Path(json.loads(_ask("cargo", "metadata", "--no-deps", "--format-version", "1"))["target_directory"])


def _built_by_cargo(site: Site) -> Path:
    return target_directory() / triple() / ("release" if site.optimised else "debug")


def _kept(site: Site) -> Path:
    return LOCAL / "bin" / ("optimised" if site.optimised else "")


def _compiled(site: Site) -> str:
    return f"{sum(1 for _ in (_built_by_cargo(site) / 'deps').glob('*.rlib'))} crates compiled"


def _ask(*argv: str) -> str:
    try:
        return subprocess.run(argv, cwd=ROOT, env=environment(), check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as trouble:
        raise Failed(f"`{' '.join(argv[:2])}` does not work: {getattr(trouble, 'stderr', trouble)}") from trouble
