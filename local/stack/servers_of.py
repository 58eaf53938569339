"""The two servers of a local stack: the local cloud, and the sandbox that plays the third parties."""

import hashlib
from pathlib import Path

from stack.environment import environment
from stack.places import ROOT, Site
from stack.servers import Server
from stack.tools import python_of

# Kept free for a receiver of the reader's own; deliveries may reach it.
OWN_RECEIVER_PORT = 4650


def local_cloud(site: Site, port: int) -> Server:
    """ministack. With AUTH it holds every call of a function against that function's role, as AWS does."""
    home, scratch = str(site.home), str(site.scratch)
    env = environment(
        f"http://127.0.0.1:{port}",
        GATEWAY_PORT=str(port),
        BIND_HOST="127.0.0.1",
        MINISTACK_HOST="127.0.0.1",
        AUTH="true",
        TMPDIR=scratch,
        STATE_DIR=f"{home}/state",
        S3_DATA_DIR=f"{home}/s3",
        PERSIST_STATE="1" if site.keeps_state else "0",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        # It looks for containers to clean up wherever a Docker engine answers; none of them are ours.
        DOCKER_HOST=f"unix://{scratch}/no-docker.sock",
        LAMBDA_WARM_TTL_SECONDS="120",
    )
    argv = [str(python_of("cloud")), str(ROOT / "local" / "cloud" / "run.py")]
    return Server("local-cloud", site, argv, port, "/_ministack/health", env)


def sandbox(site: Site, port: int, binary: Path) -> Server:
    """The sandbox; started anew when its binary changed."""
    build = hashlib.sha256(binary.read_bytes()).hexdigest()[:16]
    env = environment(SANDBOX_PORT=str(port), SANDBOX_BIND="127.0.0.1")
    return Server("sandbox", site, [str(binary)], port, "/health", env, build=build, start_patience_s=20.0)
