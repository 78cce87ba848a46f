-- Takes, renews or gives back a lease. The same rules as the leases of `MemoryRateStore`.
--
-- KEYS[1]  the leases of one counter: when each ends, in microseconds
-- ARGV[1]  "acquire", "renew" or "release"
-- ARGV[2]  the lease
-- ARGV[3]  how many there may be
-- ARGV[4]  microseconds that it lives
-- ARGV[5]  microseconds by which the server's time is moved
--
-- Gives text: "remaining reset_after retry_after".
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[5]
local key, lease, amount = KEYS[1], ARGV[2], tonumber(ARGV[3])

redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now))
local held, wait = redis.call('ZCARD', key), 0
local is_held = redis.call('ZSCORE', key, lease)

if ARGV[1] == 'release' then
  redis.call('ZREM', key, lease)
elseif is_held or (ARGV[1] == 'acquire' and held < amount) then
  redis.call('ZADD', key, string.format('%.0f', now + ARGV[4]), lease)
elseif ARGV[1] == 'acquire' then
  -- As many must end as are too many, the new one included.
  wait = redis.call('ZRANGE', key, held - amount, held - amount, 'WITHSCORES')[2] - now
end

local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
local left = last and last - now or 0
if last then redis.call('PEXPIRE', key, math.ceil(left / 1000)) end
return string.format('%.0f %.0f %.0f', math.max(0, amount - redis.call('ZCARD', key)), left, wait)
