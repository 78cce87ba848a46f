-- Keeps a new session until it ends.
--
-- KEYS[1]  the session
-- ARGV[1]  milliseconds until it ends
-- ARGV[2…] its fields, name and value in turn
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
