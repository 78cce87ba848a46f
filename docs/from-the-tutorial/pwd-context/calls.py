def calls(client):
    def log_in(login, password):
        body = {"login": login, "password": password}
        return client.post("/login", json=body)

    answer = log_in("ada", "wall of bricks")
    assert answer.status_code == 200
    assert answer.json()["access_token"]

    assert log_in("ada", "a guess").status_code == 401
    assert log_in("bob", "a guess").status_code == 401
