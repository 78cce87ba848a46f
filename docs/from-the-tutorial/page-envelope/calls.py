def calls(client):
    answer = client.get("/items").json()
    assert answer["total"] == 25
    assert answer["page"] == 1
    assert answer["size"] == 10
    assert answer["pages"] == 3
    assert answer["items"][0]["name"] == "Item 0"

    answer = client.get("/items?page=3").json()
    assert len(answer["items"]) == 5

    answer = client.get("/items?page=4").json()
    assert answer["items"] == []
    assert answer["total"] == 25
