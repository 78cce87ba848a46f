"""The example of sockets: what reaches whom."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse

from examples.websockets import app


@pytest.fixture
def client() -> Iterator[TestClient]:
    """Somebody who has started the example, and calls it."""
    with TestClient(app) as opened:
        yield opened


@pytest.fixture
def token(client: TestClient) -> str:
    """What shows that it is Ada who calls."""
    answer = client.post("/auth/login", json={"login": "ada", "password": "violet kettle bridge"})
    given: str = answer.json()["access_token"]
    return given


def test_a_notification_reaches_all_tabs_of_a_user(client: TestClient, token: str) -> None:
    """Whatever a user has open hears of it, and whoever sent it is told how many that were."""
    with (
        client.websocket_connect("/notifications", subprotocols=["bearer", token]) as phone,
        client.websocket_connect("/notifications", headers={"Authorization": f"Bearer {token}"}) as desk,
    ):
        answer = client.post(
            "/notifications/ada", json={"text": "It has left."}, headers={"Authorization": f"Bearer {token}"}
        )
        received = phone.receive_json(), desk.receive_json()

    expected = {"type": "notification", "text": "It has left.", "sender": "ada"}
    assert answer.json() == {"reached": 2}
    assert received == (expected, expected)


def test_nobody_hears_what_is_for_another(client: TestClient) -> None:
    """Without a token the socket is not accepted."""
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/notifications"):
        pass

    assert refused.value.status_code == 401


def test_prices_come_by_themselves(client: TestClient) -> None:
    """Whoever looks is told of prices as they change."""
    with client.websocket_connect("/prices") as socket:
        received = [socket.receive_json() for _ in range(2)]

    assert [price["type"] for price in received] == ["price", "price"]
    assert received[0]["of"] != received[1]["of"]
