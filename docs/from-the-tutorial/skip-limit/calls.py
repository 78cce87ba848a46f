def calls(client):
    first = client.get("/items").json()
    assert first[0] == {"name": "Item 0"}
    assert len(first) == 10

    further = client.get("/items?skip=10&limit=5").json()
    assert further[0] == {"name": "Item 10"}
    assert len(further) == 5

    last = client.get("/items?skip=45&limit=10").json()
    assert len(last) == 5
    assert client.get("/items?skip=50").json() == []

    assert client.get("/items?skip=a").status_code == 422
