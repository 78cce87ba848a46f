import pytest
from starlette.websockets import WebSocketDisconnect


def calls(client):
    with (
        client.websocket_connect("/ws/bob") as bob,
        client.websocket_connect("/ws/ada") as ada,
    ):
        ada.send_json({"type": "ping"})
        assert ada.receive_json() == {"type": "pong"}
        for nonsense in ("{", '{"type": "shout"}'):
            ada.send_text(nonsense)
            assert ada.receive_json()["type"] == "error"

        ada.send_json({"type": "say", "text": "hello"})

        said = {
            "type": "said",
            "user": "ada",
            "text": "hello",
        }
        assert ada.receive_json() == said
        assert bob.receive_json() == said

        with client.websocket_connect("/ws/ada") as again:
            with pytest.raises(WebSocketDisconnect):
                ada.receive_json()
            bob.send_json({"type": "say", "text": "hi"})
            assert again.receive_json()["text"] == "hi"
