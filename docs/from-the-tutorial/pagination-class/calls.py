def calls(client):
    answer = client.get("/items").json()
    assert answer["page"] == 1
    assert answer["size"] == 10
    assert answer["items"][0] == {
        "id": 1,
        "name": "Item 1",
    }
    assert len(answer["items"]) == 10

    answer = client.get("/items?page=3&size=10").json()
    assert len(answer["items"]) == 5
    assert answer["items"][0]["name"] == "Item 21"

    assert client.get("/items?page=0").status_code == 422
    assert (
        client.get("/items?size=101").status_code == 422
    )
