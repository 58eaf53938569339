"""The template's parameters on a local stack. What is not named here has its default."""

from stack.build import architecture

EVERYWHERE = {
    "StageName": "local",
    "DeletionProtection": "false",
    "DiretrixAllowHttp": "true",
    "EnrichmentLegalBasis": "local run with invented people",
    # Each batch at work is a process of this machine.
    "Workers": "small",
    "LogRetentionDays": "1",
    # One machine plays the whole cloud. Nearly as long as the function that takes webhooks in may run.
    "AwsPatience": "10",
    "C2sSpacingMs": "200",
    "WorkSpacingMs": "200",
}

# Waits that a test would have to sit through.
IN_TESTS = {
    "C2sSpacingMs": "50",
    "WorkSpacingMs": "50",
    "CoalesceSeconds": "12",
    # Must cover the time-out of a delivery (10 s) and what goes with it, or no delivery ever starts.
    "WorkBudgetSeconds": "15",
    "LeaseSlackSeconds": "1",
    "UpstreamTimeoutSeconds": "4",
    "MaxTries": "3",
    # Longer than a lease, as on AWS: a sweep that rings while a dead worker's lease stands wakes nobody.
    "DueGraceSeconds": "17",
    "UnknownRecheckSeconds": "3",
    "LeadVisibilitySeconds": "10",
    "DispatchVisibilitySeconds": "10",
    "DeliveryVisibilitySeconds": "10",
    "SyncVisibilitySeconds": "10",
    "MoyskladPollSeconds": "40",
}


def parameters(cloud_port: int, sandbox_port: int, receiver_port: int, *, testing: bool) -> dict[str, str]:
    """All of them, for a stack whose third parties the sandbox plays; deliveries may reach it and a receiver's port."""
    played = f"http://127.0.0.1:{sandbox_port}"
    return {
        **EVERYWHERE,
        **(IN_TESTS if testing else {}),
        "Architecture": architecture(),
        "LocalCloud": f"http://127.0.0.1:{cloud_port}",
        "C2sBaseUrl": f"{played}/c2s",
        "WorkApiBaseUrl": f"{played}/work/api",
        "DiretrixBaseUrl": f"{played}/diretrix",
        "MoyskladBaseUrl": f"{played}/moysklad/api/remap/1.2",
        "EgressAllow": f"127.0.0.1:{sandbox_port},127.0.0.1:{receiver_port}",
    }
