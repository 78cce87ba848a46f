-- Puts a successor in the place of a refresh token, or ends a session whose token is in two hands.
-- The same rule as `MemoryTokenStore.rotate`.
--
-- KEYS[1]  the session
-- ARGV[1]  SHA-256 of the token that was shown
-- ARGV[2]  SHA-256 of its successor
-- ARGV[3]  now, in seconds
-- ARGV[4]  when the session is to end unless it is refreshed again, in seconds
-- ARGV[5]  seconds during which the token before the current one is answered with `replayed`
-- ARGV[6…] further fields that change, name and value in turn
-- Returns the outcome and the session: as it is now, or as it was when it ended.
local key, presented, successor = KEYS[1], ARGV[1], ARGV[2]
local now, grace = tonumber(ARGV[3]), tonumber(ARGV[5])
local field = {}
local stored = redis.call('HGETALL', key)
for i = 1, #stored, 2 do
  field[stored[i]] = stored[i + 1]
end

if not field.expires_at or now >= math.min(tonumber(field.idle_expires_at), tonumber(field.expires_at)) then
  return { 'unknown', {} }
end

if presented == field.token_hash then
  redis.call('HSET', key, 'token_hash', successor, 'previous_hash', presented, 'rotated_at', ARGV[3],
    'used_at', ARGV[3], 'idle_expires_at', ARGV[4], unpack(ARGV, 6))
  local ends_at = math.min(tonumber(ARGV[4]), tonumber(field.expires_at))
  redis.call('PEXPIRE', key, math.ceil((ends_at - now) * 1000))
  return { 'rotated', redis.call('HGETALL', key) }
end

if grace > 0 and presented == field.previous_hash and now < tonumber(field.rotated_at) + grace then
  return { 'replayed', stored }
end

redis.call('DEL', key)
return { 'reused', stored }
