def calls(client):
    news = {
        "title": "Shipped",
        "text": "It is on its way.",
    }
    assert client.post(
        "/notify/ada", json=news
    ).json() == {"sent": 0}

    with (
        client.websocket_connect("/ws/ada") as phone,
        client.websocket_connect("/ws/ada") as laptop,
        client.websocket_connect("/ws/bob"),
    ):
        answer = client.post("/notify/ada", json=news)

        assert answer.json() == {"sent": 2}
        assert phone.receive_json() == news
        assert laptop.receive_json() == news
