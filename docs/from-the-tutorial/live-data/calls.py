def calls(client):
    with client.websocket_connect(
        "/ws/live-data"
    ) as screen:
        first, second = (
            screen.receive_json(),
            screen.receive_json(),
        )

    assert second["tick"] > first["tick"]
    assert second["celsius"] == 21.5
