def calls(client):
    def name(tokens):
        token = tokens["access_token"]
        return client.get(
            "/name",
            headers={"Authorization": f"Bearer {token}"},
        )

    form = {
        "grant_type": "password",
        "username": "ada",
        "password": "wall of bricks",
    }
    first = client.post("/token", data=form).json()
    assert name(first).json() == "ada"

    def refresh(tokens):
        token = tokens["refresh_token"]
        return client.post(
            "/refresh", json={"refresh_token": token}
        )

    second = refresh(first).json()
    assert name(second).json() == "ada"

    answer = client.post(
        "/logout",
        json={"refresh_token": second["refresh_token"]},
    )
    assert answer.status_code == 204
    assert refresh(second).status_code == 401
