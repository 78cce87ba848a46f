def calls(client):
    answer = client.get("/books")
    assert (
        answer.headers["X-Request-ID"]
        == answer.json()["seen_as"]
    )

    again = client.get("/books")
    assert (
        again.headers["X-Request-ID"]
        != answer.headers["X-Request-ID"]
    )

    mine = {"X-Request-ID": "checkout-4711"}
    answer = client.get("/books", headers=mine)
    assert (
        answer.headers["X-Request-ID"] == "checkout-4711"
    )
