"""How the messages of errors are put together. Knows no error."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["fate", "lowered", "not_ours", "sentences", "several", "tried", "untrusted"]


def tried(attempts: int, elapsed: float) -> str:
    """Say how often and how long something was tried, if it was more than once."""
    return "" if attempts < 2 else f" (tried {attempts} times in {elapsed:.1f}s)"


def sentences(parts: Sequence[str]) -> str:
    """Join parts, each with a full stop."""
    return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts)


def several(name: str, candidates: Sequence[tuple[str, str, bool]], reason: str) -> str:
    """Say that several endpoints have a name: ``(id, created_at, marked)`` of each."""
    rows = [
        f"  {id_} created {created_at}, {'by lbsls' if marked else 'not by lbsls'}"
        for id_, created_at, marked in candidates
    ]
    head = f"{len(rows)} endpoints are named {name!r}, {reason}:"
    tail = "Name one by its id, or delete the others: `lbsls rm ID`, account.undeploy('ID')."
    return "\n".join([head, *rows, tail])


def not_ours(name: str, id: str, changes: Sequence[str], project: str | None) -> str:
    """Say why an endpoint is left alone: what would change, or whose it is."""
    head = f"endpoint {name!r} ({id}) exists and was not created by this project"
    if project is not None:
        whose = f"project {project!r}" if project else "lbsls without a project"
        return (
            f"{head} but by {whose}, so it was not deleted. To delete it all the same, name its "
            f"id: `lbsls rm {id}` or account.undeploy({id!r})."
        )
    if not changes:
        return f"{head}, and adopt=False was given. Choose another name or leave adopt out."
    rows = [f"  {change}" for change in changes]
    tail = "Pass adopt=True to change it to what is declared, or choose another name."
    return "\n".join([f"{head}. It differs from what is declared:", *rows, tail])


def untrusted(host: str, url: str) -> str:
    """Say why an address gets no key, and how to let it have one if its host is known."""
    why, how = f"{host} is neither Runpod's for it nor the control plane's", ""
    names = [("trusted_hosts", "LBSLS_TRUSTED_HOSTS")]
    if url[:5].lower() == "http:":
        why, names = "that is plain http", [*names, ("allow_http", "LBSLS_ALLOW_HTTP")]
    if host:
        code = ", ".join(f"{option}={host!r}" for option, _ in names)
        shell = " ".join(f"{variable}={host}" for _, variable in names)
        how = f" If you trust it, name it: Account({code}), or {shell}."
    else:
        why = "programs may read it in different ways"
    return f"and {why}, so the API key was not sent there.{how}"


def fate(id: str, removed: bool, trouble: str | None) -> list[str]:
    """Say what became of an endpoint that did not get healthy, a line each."""
    if removed:
        return ["  The endpoint was removed again, as cleanup on failure was asked for."]
    failed = [f"  It should have been removed, and that failed: {trouble}"] if trouble else []
    stays = "  The endpoint still exists; remove it with"
    return [*failed, f"{stays} `lbsls rm {id}` or account.undeploy({id!r})."]


_LOWERED = {
    0: "Runpod lowers it to 0 after 7 days without requests, or when workers keep crashing",
    2: "Runpod lowers it to 2 after 3 days without requests",
}


def lowered(workers_max: int | None) -> str:
    """Say why Runpod may have lowered max workers to this number; nothing for another number.

    What it lowered stays so until somebody raises it.
    Source: https://docs.runpod.io/serverless/endpoints/endpoint-configurations#idle-endpoint-scale-down
    """
    return _LOWERED.get(workers_max, "") if workers_max is not None else ""
