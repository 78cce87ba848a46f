def calls(client):
    answer = client.get("/books")
    assert (
        0 <= float(answer.headers["X-Process-Time"]) < 10
    )
