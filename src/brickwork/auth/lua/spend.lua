-- Tells whether a one-time token is shown for the first time (1, else 0), and remembers it.
--
-- KEYS[1]  the token
-- ARGV[1]  now, in seconds
-- ARGV[2]  when the token has expired anyway, in seconds
-- ARGV[3]  milliseconds from now until then
local ends_at = redis.call('GET', KEYS[1])
if ends_at and tonumber(ARGV[1]) < tonumber(ends_at) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
