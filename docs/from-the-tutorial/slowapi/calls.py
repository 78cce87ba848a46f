def calls(client):
    for _ in range(2):
        assert client.get("/books").json() == ["SICP"]

    refused = client.get("/books")
    assert refused.status_code == 429
    assert refused.json() == {
        "error": "Rate limit exceeded: 2 per 1 hour"
    }
