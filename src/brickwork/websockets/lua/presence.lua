-- Notes who comes to a channel and who goes, and strikes out those whose process has not been heard of for too long.
--
-- KEYS[1]  when each connection ends unless it is heard of again, in milliseconds
-- KEYS[2]  what each connection says of itself
-- KEYS[3]  all connections, in the order of their names
-- ARGV[1]  the channel's name for subscribers
-- ARGV[2]  milliseconds that a connection lives
-- ARGV[3]  and so on, five for each change: "join", "keep" or "leave"; the member; the connection, whose name begins
--          with the member and NUL; what it says of itself; what is published if the member is the first or the last
--
-- Gives the members who have ended, of each change whether it was the first or the last, and then what each
-- connection says: of the member of the last change, or of all where nothing changes.
local due, infos, names = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ended, told, flags, said = {}, {}, {}, {}

local function present(member)
  return redis.call('ZLEXCOUNT', names, '[' .. member .. '\0', '(' .. member .. '\1') > 0
end

local function strike(connection)
  redis.call('ZREM', due, connection)
  redis.call('HDEL', infos, connection)
  return redis.call('ZREM', names, connection) == 1
end

for place = 3, #ARGV, 5 do
  local verb, member, connection, info, message = unpack(ARGV, place, place + 4)
  local changed
  if verb == 'leave' then
    changed = strike(connection) and not present(member)
  else
    changed = not present(member)
    redis.call('ZADD', due, string.format('%.0f', now + ARGV[2]), connection)
    redis.call('HSET', infos, connection, info)
    redis.call('ZADD', names, 0, connection)
  end
  if changed and message ~= '' then redis.call('PUBLISH', ARGV[1], '\n' .. message) end
  flags[#flags + 1] = changed and 1 or 0
end

for _, connection in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', string.format('%.0f', now), 'LIMIT', 0, 1000)) do
  local member = string.match(connection, '^(%Z*)%z')
  strike(connection)
  if not told[member] and not present(member) then
    told[member] = true
    ended[#ended + 1] = member
  end
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, 2 * ARGV[2]) end

local first, last = '-', '+'
if #ARGV > 2 then
  local member = ARGV[#ARGV - 3]
  first, last = '[' .. member .. '\0', '(' .. member .. '\1'
end
if #ARGV <= 2 or ARGV[#ARGV - 4] ~= 'keep' then
  for _, connection in ipairs(redis.call('ZRANGEBYLEX', names, first, last)) do
    said[#said + 1] = connection
    said[#said + 1] = redis.call('HGET', infos, connection)
  end
end
return { ended, flags, said }
