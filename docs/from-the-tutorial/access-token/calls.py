def calls(client):
    form = {"grant_type": "password", "username": "ada"}
    answer = client.post(
        "/token", data={**form, "password": "a guess"}
    )
    assert answer.status_code == 400

    answer = client.post(
        "/token",
        data={**form, "password": "wall of bricks"},
    )
    tokens = answer.json()
    assert tokens["token_type"].lower() == "bearer"

    token = tokens["access_token"]
    answer = client.get(
        "/users/me",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.json() == {"username": "ada"}

    answer = client.get("/users/me")
    assert answer.status_code == 401
    assert "bearer" in (
        answer.headers["WWW-Authenticate"].lower()
    )
