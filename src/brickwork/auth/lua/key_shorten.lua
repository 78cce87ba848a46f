-- Lets an API key end at an instant unless it ends before; gives 1, or 0 where there is no key.
--
-- KEYS[1]  the key
-- ARGV[1]  the instant, in seconds
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local expires_at = redis.call('HGET', KEYS[1], 'expires_at')
if not expires_at or tonumber(ARGV[1]) < tonumber(expires_at) then
  redis.call('HSET', KEYS[1], 'expires_at', ARGV[1])
end
return 1
