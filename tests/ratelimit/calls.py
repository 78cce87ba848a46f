"""Calling an app several times over."""

from fastapi.testclient import TestClient


def statuses(client: TestClient, path: str, times: int = 1, *, method: str = "GET", **headers: str) -> list[int]:
    """Call a path, and give the statuses of the answers."""
    return [client.request(method, path, headers=headers).status_code for _ in range(times)]
