def calls(client):
    def signed_in(name, password):
        form = {
            "grant_type": "password",
            "username": name,
            "password": password,
        }
        answer = client.post("/token", data=form)
        token = answer.json()["access_token"]
        return {"Authorization": f"Bearer {token}"}

    ada = signed_in("ada", "wall of bricks")
    bob = signed_in("bob", "wall of stones")

    answer = client.get("/reports", headers=ada)
    assert answer.json() == {"reader": "ada"}
    answer = client.delete("/reports", headers=ada)
    assert answer.status_code == 204

    for method in ("GET", "DELETE"):
        refused = client.request(
            method, "/reports", headers=bob
        )
        assert refused.status_code == 403

    assert client.get("/reports").status_code == 401
