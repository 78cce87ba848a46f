def calls(client):
    assert client.post("/orders").json() == "ordered"
    refused = client.post("/orders")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0

    for _ in range(3):
        assert client.get("/books").json() == ["SICP"]
    assert client.get("/books").status_code == 429
