def calls(client):
    answer = client.post("/items", json={"name": "Brick"})
    assert answer.status_code == 201
    assert answer.json() == {"name": "Brick"}

    assert client.get("/items").json() == ["Brick"]
