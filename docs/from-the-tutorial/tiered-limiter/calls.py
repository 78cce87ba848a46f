def calls(client):
    ada = {"X-API-Key": "key-of-ada"}
    bob = {"X-API-Key": "key-of-bob"}

    def statuses(headers, times):
        return [
            client.get(
                "/books", headers=headers
            ).status_code
            for _ in range(times)
        ]

    assert statuses(bob, 2) == [200, 429]
    assert statuses(ada, 4) == [200, 200, 200, 429]
    assert statuses({"X-API-Key": "stolen"}, 1) == [401]
