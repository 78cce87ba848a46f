def calls(client):
    ada = {
        "username": "Ada",
        "password": "Violet-kettle-7-bridge",
    }
    answer = client.post("/users", json=ada)
    assert answer.status_code == 201
    assert answer.json() == {"username": "ada"}

    answer = client.post("/users", json=ada)
    assert answer.status_code == 409

    weak = {"username": "bob", "password": "brick"}
    answer = client.post("/users", json=weak)
    assert answer.status_code == 422
