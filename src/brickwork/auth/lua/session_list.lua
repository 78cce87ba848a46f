-- Puts a session on its user's list, and gives the whole list where it is longer than it may be.
--
-- KEYS[1]  the list: a set of IDs
-- ARGV[1]  the ID of the session
-- ARGV[2]  milliseconds until the session ends in any case
-- ARGV[3]  how many sessions there may be
redis.call('SADD', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
if redis.call('SCARD', KEYS[1]) > tonumber(ARGV[3]) then
  return redis.call('SMEMBERS', KEYS[1])
end
return {}
