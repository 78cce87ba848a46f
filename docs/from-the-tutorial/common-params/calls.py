def calls(client):
    def names(path):
        answer = client.get(path).json()
        return [item["name"] for item in answer["items"]]

    assert names("/items") == ["Foo", "Bar", "Baz"]
    assert names("/items?q=BA") == ["Bar", "Baz"]
    assert names("/items?q=ba&skip=1&limit=1") == ["Baz"]
    assert names("/items?q=nothing") == []
