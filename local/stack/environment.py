"""The one environment every child runs in. It can reach no AWS account: credentials are dummies, no configuration is
read, and the endpoint is the local cloud."""

import os
from pathlib import Path

from stack.places import LOCAL, Site

REGION = "us-east-1"
ACCOUNT = "000000000000"
# Where nothing listens: a tool that is given no local cloud must not find AWS instead.
NOWHERE = "http://127.0.0.1:9"
# Marks a server as ours, and of which site, even after its pid file is lost.
MARK = "GANCHO_LOCAL_SITE"


def environment(endpoint: str = NOWHERE, **more: str) -> dict[str, str]:
    """What a child process gets to see."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_", "__SAM", "GANCHO_"))}
    cargo = Path(kept.get("CARGO_HOME", str(Path.home() / ".cargo"))) / "bin"
    return {
        **kept,
        "PATH": os.pathsep.join([str(LOCAL / "sam" / "bin"), kept.get("PATH", os.defpath), str(cargo)]),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_CHECK_FOR_UPDATES": "0",
        "__SAM_CLI_APP_DIR": str(LOCAL / "sam" / "home"),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


def compiling(*, optimised: bool = False) -> dict[str, str]:
    """How Cargo compiles for the local stack: the release profile spends a quarter of an hour on size. One set for the
    functions and the tests, so that they share what they can.

    Optimised is the release profile without link-time optimisation, on all cores."""
    profile = {
        "SAM_BUILD_MODE": "debug",
        "CARGO_PROFILE_DEV_DEBUG": "0",
        "CARGO_PROFILE_DEV_STRIP": "symbols",
    }
    without_lto = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}
    common = {"CARGO_LAMBDA_COMPILER": "cargo", "CARGO_TERM_COLOR": "never"}
    return {**common, **(without_lto if optimised else profile)}


def marked(site: Site) -> dict[str, str]:
    """Added to the environment of a server."""
    return {MARK: str(site.home)}
