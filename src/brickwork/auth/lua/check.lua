-- Tells whether a session is alive, a token not denied, or both: 1, else 0.
--
-- KEYS     a session, a denied token, or both; on a cluster, where they live apart, one of them
-- ARGV[1]  now, in seconds
-- ARGV[2…] what each key is: `session` or `denied`
local now = tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
  if ARGV[i + 1] == 'session' then
    local ends = redis.call('HMGET', key, 'idle_expires_at', 'expires_at')
    if not ends[1] or now >= math.min(tonumber(ends[1]), tonumber(ends[2])) then
      return 0
    end
  else
    local ends_at = redis.call('GET', key)
    if ends_at and now < tonumber(ends_at) then
      return 0
    end
  end
end
return 1
