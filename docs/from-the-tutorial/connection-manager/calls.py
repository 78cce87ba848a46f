def calls(client):
    with (
        client.websocket_connect("/ws/bob") as bob,
        client.websocket_connect("/ws/ada") as ada,
    ):
        ada.send_text("hello")
        assert ada.receive_text() == "You said hello"
        assert ada.receive_text() == "ada: hello"
        assert bob.receive_text() == "ada: hello"

        ada.close()
        assert bob.receive_text() == "ada has left"
