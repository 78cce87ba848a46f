def calls(client):
    for _ in range(3):
        assert client.get("/books").json() == ["SICP"]

    refused = client.get("/books")
    assert refused.status_code == 429
    assert refused.json()["detail"]
