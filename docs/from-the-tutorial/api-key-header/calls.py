def calls(client):
    answer = client.post(
        "/keys",
        json={"name": "warehouse"},
        auth=("ada", "wall of bricks"),
    )
    assert answer.status_code == 201
    key = answer.json()["key"]

    answer = client.get(
        "/stock", headers={"X-API-Key": key}
    )
    assert answer.json() == {"caller": "warehouse"}

    answer = client.get(
        "/stock", headers={"X-API-Key": "a guess"}
    )
    assert answer.status_code == 401
    assert client.get("/stock").status_code == 401
