-- Remembers when an API key was last used, if there is such a key and it was not used later still.
--
-- KEYS[1]  the key
-- ARGV[1]  the instant, in seconds
if redis.call('EXISTS', KEYS[1]) == 1 then
  local used_at = redis.call('HGET', KEYS[1], 'last_used_at')
  if not used_at or tonumber(used_at) < tonumber(ARGV[1]) then
    redis.call('HSET', KEYS[1], 'last_used_at', ARGV[1])
  end
end
return 1
