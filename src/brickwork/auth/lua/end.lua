-- Forgets a session or an API key, and gives whose it was; nothing where there is none.
--
-- KEYS[1]  the session or key
-- ARGV[1]  the name of the field that says whose it is
local owner = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[1])
return owner
