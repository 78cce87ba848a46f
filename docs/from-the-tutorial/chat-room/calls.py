def next_of(socket, kind):
    """A client looks at messages that it knows."""
    while (message := socket.receive_json())[
        "type"
    ] != kind:
        pass
    return message


def calls(client):
    with client.websocket_connect(
        "/rooms/tea/bob"
    ) as bob:
        bob.send_json({"type": "say", "text": "Anybody?"})
        assert next_of(bob, "said")["user"] == "bob"

        with client.websocket_connect(
            "/rooms/tea/ada"
        ) as ada:
            assert (
                next_of(ada, "said")["text"] == "Anybody?"
            )
            ada.send_json({"type": "say", "text": "Me!"})
            assert next_of(ada, "said")["text"] == "Me!"
            assert next_of(bob, "said")["user"] == "ada"

            ada.close()
            assert next_of(bob, "left")["user"] == "ada"
