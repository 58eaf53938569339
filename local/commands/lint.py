"""`make lint`: what has to hold before a change is merged. Every check runs; the last line says which failed."""

import shutil
import subprocess
from collections.abc import Callable

from commands.sbom import sbom
from stack import dependencies, tools
from stack.environment import environment
from stack.places import LOCAL, ROOT, SETUP_LOGS
from stack.progress import Failed, run, say, step

MACHETE = "0.9.2"
DENY_WARNINGS = {"RUSTDOCFLAGS": "-D warnings"}


def lint() -> int:
    """Formatting, clippy, documentation, template, dependencies."""
    checks: dict[str, Callable[[], bool]] = {
        "formatting": _command("cargo", "fmt", "--all", "--check"),
        "clippy": _command("cargo", "clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"),
        "documentation": _command("cargo", "doc", "--workspace", "--all-features", "--no-deps", "--document-private-items"),
        "template": _command("sam", "validate", "--lint"),
        "template's security": _checkov,
        "dependencies": dependencies.acceptable,
        "unused dependencies": _unused,
        "bill of materials": lambda: sbom() == 0,
        "advisories": _advisories,
    }
    failed = []
    for name, check in checks.items():
        say(f"checking {name}")
        if not check():
            failed.append(name)
    print(f"make lint: {len(checks) - len(failed)} of {len(checks)} checks hold" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def _command(*argv: str) -> Callable[[], bool]:
    def holds() -> bool:
        _demand_component(argv)
        return subprocess.run(argv, cwd=ROOT, env=environment(**DENY_WARNINGS), check=False).returncode == 0

    return holds


def _demand_component(argv: tuple[str, ...]) -> None:
    component = {"fmt": "rustfmt", "clippy": "clippy"}.get(argv[1])
    if component and shutil.which(f"cargo-{argv[1]}", path=environment()["PATH"]) is None:
        raise Failed(f"cargo {argv[1]} is not installed", do=f"rustup component add {component}")


def _checkov() -> bool:
    """What checkov knows of templates; what it is not asked is in its configuration, with reasons."""
    tools.ensure(("checkov",))
    return _command(str(tools.python_of("checkov")), "-m", "checkov.main", "--config-file", ".checkov.yaml")()


def _unused() -> bool:
    """Crates that are asked for and not used, found by cargo-machete. Building it takes a minute, once."""
    home = LOCAL / f"cargo-machete-{MACHETE}"
    if not (home / "bin" / "cargo-machete").exists():
        with step("Building cargo-machete"):
            argv = ["cargo", "install", "--locked", "cargo-machete", "--version", f"={MACHETE}", "--root", str(home)]
            run(argv, environment(), SETUP_LOGS / "install-cargo-machete.log", do="check that crates.io can be reached, then run it again")
    return _command(str(home / "bin" / "cargo-machete"), str(ROOT))()


def _advisories() -> bool:
    """Known vulnerabilities. Building cargo-deny takes longer than all other checks, so it is used where it is installed."""
    if shutil.which("cargo-deny", path=environment()["PATH"]) is None:
        say("  not checked: `cargo install --locked cargo-deny` makes it possible")
        return True
    return _command("cargo", "deny", "check", "advisories")()
