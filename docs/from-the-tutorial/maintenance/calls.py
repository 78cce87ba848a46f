def calls(client):
    assert client.get("/books").status_code == 200

    client.put("/maintenance?on=true")
    answer = client.get("/books")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "120"
    assert (
        "closed for maintenance"
        in answer.json()["detail"]
    )
    assert client.get("/health").status_code == 200

    client.put("/maintenance?on=false")
    assert client.get("/books").status_code == 200
