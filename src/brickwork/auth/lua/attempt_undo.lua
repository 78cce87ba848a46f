-- Takes one attempt back, where one is counted.
--
-- KEYS[1]  the count
if tonumber(redis.call('HGET', KEYS[1], 'attempts') or '0') > 0 then
  redis.call('HINCRBY', KEYS[1], 'attempts', -1)
end
