-- Counts an attempt; gives 0 where it is allowed, else the seconds until the next one is, as text: Redis would drop
-- what is behind the point. The same rule as `MemoryAttemptStore.attempt`.
--
-- KEYS[1]  the count
-- ARGV[1]  attempts allowed
-- ARGV[2]  seconds after the first attempt at which the count starts anew
-- ARGV[3]  now, in seconds
local per, now = tonumber(ARGV[2]), tonumber(ARGV[3])
local count = redis.call('HMGET', KEYS[1], 'first_at', 'per', 'attempts')
if not count[1] or now >= tonumber(count[1]) + tonumber(count[2]) then
  count = { ARGV[3], ARGV[2], '0' }
  redis.call('HSET', KEYS[1], 'first_at', ARGV[3], 'per', ARGV[2], 'attempts', '0')
  redis.call('PEXPIRE', KEYS[1], math.ceil(per * 1000))
end
if tonumber(count[3]) >= tonumber(ARGV[1]) then
  return string.format('%.17g', tonumber(count[1]) + tonumber(count[2]) - now)
end
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
return '0'
