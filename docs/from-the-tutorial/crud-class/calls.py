def calls(client):
    ada = {"email": "ada@example.org", "name": "Ada"}
    answer = client.post("/users", json=ada)
    assert answer.status_code == 201
    assert answer.json() == {"id": 1, **ada}

    answer = client.patch(
        "/users/1", json={"name": "Lovelace"}
    )
    assert answer.json()["name"] == "Lovelace"
    assert answer.json()["email"] == "ada@example.org"

    assert client.get("/users/2").status_code == 404
    assert client.delete("/users/1").status_code == 204
    assert client.get("/users/1").status_code == 404
