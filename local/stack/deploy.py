"""Deploying what was built to the local cloud, and making it ready: credentials of the sandbox, first rows, stack file."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from stack.environment import ACCOUNT, REGION, environment
from stack.parameters import parameters
from stack.places import Site, shown
from stack.progress import Failed, run, step

STACK = "gancho"
PLAYED_CREDENTIALS = {
    "c2s_token": "sandbox-c2s-token",
    "work_token": "sandbox-work-token",
    "diretrix_user": "sandbox",
    "diretrix_password": "sandbox-password",
}
FUNCTIONS = ("receive", "enrich", "sync", "dispatch", "deliver", "portal", "operate", "sweep")
TABLES = ("events", "directory", "signals", "parties", "sync")
QUEUES = {"lead": "Lead", "dispatch": "Dispatch", "delivery": "Delivery", "delivery_slow": "DeliverySlow", "sync": "Sync"}


def client(service: str, endpoint: str) -> Any:
    """An AWS client that can speak to the local cloud only."""
    if not endpoint.startswith("http://127.0.0.1:"):
        raise Failed(f"{endpoint} is not a local cloud")
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ.pop("AWS_PROFILE", None)
    config = Config(retries={"max_attempts": 2}, proxies={}, read_timeout=90)
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )


def demand_local_account(endpoint: str) -> None:
    """Refuses to go on if this is anybody's real account."""
    account = client("sts", endpoint).get_caller_identity()["Account"]
    if account != ACCOUNT:
        raise Failed(f"{endpoint} speaks for the account {account}, not for the local one ({ACCOUNT})", do="nothing was deployed")


def deploy(
    site: Site, cloud_port: int, sandbox_port: int, receiver_port: int, *, fresh: bool, testing: bool
) -> dict[str, Any]:
    """Deploys unless this very build is there already; what the stack file says."""
    endpoint = f"http://127.0.0.1:{cloud_port}"
    demand_local_account(endpoint)
    given = _known(site.built, parameters(cloud_port, sandbox_port, receiver_port, testing=testing))
    digest, remembered = _digest(site.built, given), site.home / "deployed"
    if fresh or not remembered.exists() or remembered.read_text() != digest:
        remembered.unlink(missing_ok=True)
        with step("Deploying template.yaml to the local cloud"):
            _sam_deploy(site, endpoint, given)
        remembered.write_text(digest)
    with step("Filling in the sandbox's credentials, seeding the default source"):
        outputs = _outputs(endpoint)
        _fill_providers(endpoint, outputs)
        _seed(endpoint, outputs)
    used = {"cloud": cloud_port, "sandbox": sandbox_port, "own_receiver": receiver_port}
    return _write_stack_file(site, endpoint, outputs, used)


def _sam_deploy(site: Site, endpoint: str, given: dict[str, str]) -> None:
    argv = ["sam", "deploy", "--template-file", str(site.built / "template.yaml"), "--stack-name", STACK, "--region", REGION]
    flags = ["--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset"]
    run(
        [*argv, *flags, "--no-progressbar", "--parameter-overrides", *(f"{name}={value}" for name, value in given.items())],
        environment(endpoint),
        site.logs / "deploy.log",
        do=f"look into {shown(site.logs / 'local-cloud.log')} as well; `make down` and try again starts from nothing",
    )


def _known(built: Path, given: dict[str, str]) -> dict[str, str]:
    """Those that the template has: a version before may not know them all."""
    template = (built / "template.yaml").read_text()
    return {name: value for name, value in given.items() if re.search(rf"^  {name}:$", template, re.MULTILINE)}


def _digest(built: Path, given: dict[str, str]) -> str:
    whole = hashlib.sha256(json.dumps(given, sort_keys=True).encode())
    for part in sorted(path for path in built.rglob("*") if path.is_file()):
        whole.update(str(part.relative_to(built)).encode())
        whole.update(hashlib.sha256(part.read_bytes()).digest())
    return whole.hexdigest()


def _outputs(endpoint: str) -> dict[str, str]:
    stack = client("cloudformation", endpoint).describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _fill_providers(endpoint: str, outputs: dict[str, str]) -> None:
    secrets, arn = client("secretsmanager", endpoint), outputs["ProvidersSecretArn"]
    wanted = json.dumps(PLAYED_CREDENTIALS)
    if secrets.get_secret_value(SecretId=arn)["SecretString"] != wanted:
        secrets.put_secret_value(SecretId=arn, SecretString=wanted)


def _seed(endpoint: str, outputs: dict[str, str]) -> None:
    """The sweep writes the default tenant and source if they are not there; one run of it now saves waiting a minute."""
    answer = client("lambda", endpoint).invoke(FunctionName=outputs["SweepFunctionName"] + ":live", Payload=b"{}")
    if "FunctionError" in answer:
        raise Failed(f"the sweep, which writes the first rows, failed: {answer['Payload'].read().decode()[:500]}")


def _write_stack_file(site: Site, endpoint: str, outputs: dict[str, str], used: dict[str, int]) -> dict[str, Any]:
    secrets = client("secretsmanager", endpoint)

    def secret(name: str) -> str:
        return str(secrets.get_secret_value(SecretId=outputs[f"{name}SecretArn"])["SecretString"])

    facts = {
        "api_url": outputs["ApiUrl"],
        "endpoint_url": endpoint,
        "region": REGION,
        "account_id": ACCOUNT,
        "stack": STACK,
        "admin_token": secret("AdminToken"),
        "c2s_token": secret("C2sToken"),
        "sandbox_url": f"http://127.0.0.1:{used['sandbox']}",
        "console_url": f"{outputs['ApiUrl']}/console",
        "ports": used,
        "functions": {name: outputs[f"{name.title()}FunctionName"] for name in FUNCTIONS},
        "log_groups": {name: f"/{STACK}/{name}" for name in (*FUNCTIONS, "api")},
        "tables": {name: outputs[f"{name.title()}TableName"] for name in TABLES},
        "queues": {name: outputs[f"{key}QueueUrl"] for name, key in QUEUES.items()},
        "dead_letters": {name: outputs[f"{key}DeadLettersUrl"] for name, key in QUEUES.items()},
        "secrets": {key: outputs[f"{key}SecretArn"] for key in ("StackKey", "AdminToken", "C2sToken", "Providers")},
    }
    _write_private(site.stack_file, json.dumps(facts, indent=2) + "\n")
    return facts


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
