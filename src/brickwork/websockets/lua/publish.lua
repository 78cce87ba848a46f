-- Sends messages to one channel, in their order, and keeps those that are to be kept. What a sender has had kept
-- already, and sends again because the answer was lost, is passed over.
--
-- KEYS[1]  what is known of the channel's history: its epoch, and how many messages it has counted
-- KEYS[2]  the history: a stream whose IDs are "<offset>-0"
-- KEYS[3]  the number of the last message that this sender has had kept there
-- ARGV[1]  the channel's name for subscribers
-- ARGV[2]  the epoch, if one begins now
-- ARGV[3]  how many messages are kept
-- ARGV[4]  milliseconds until they are forgotten
-- ARGV[5]  milliseconds until the count is forgotten; longer
-- ARGV[6]  milliseconds until the sender is
-- ARGV[7]  and so on, three for each message: "keep", "tell" or "skip"; its number of the sender; the message.
--          "skip" counts a message that is lost, so that the history has a hole where it belonged.
--
-- Gives the epoch, and of each message its offset: 0 of those that are not kept, or were before.
local meta, log, sender = KEYS[1], KEYS[2], KEYS[3]
local epoch, offset, last
local replies = { '' }

local function recall()
  local known = redis.call('HMGET', meta, 'epoch', 'offset')
  epoch, offset = known[1], tonumber(known[2])
  if not epoch then
    -- Whatever is left of a history whose count was forgotten is not part of this one.
    redis.call('DEL', log)
    epoch, offset = ARGV[2], 0
    redis.call('HSET', meta, 'epoch', epoch, 'offset', 0)
  end
  last = tonumber(redis.call('GET', sender) or 0)
  replies[1] = epoch
end

local function count(verb, number, message)
  if not epoch then recall() end
  if number <= last then return 0 end
  -- The one step that can fail comes first: a count without its message would be a hole.
  if verb == 'keep' then
    redis.call('XADD', log, 'MAXLEN', ARGV[3], string.format('%.0f-0', offset + 1), 'e', message)
  end
  offset, last = offset + 1, number
  redis.call('HSET', meta, 'offset', string.format('%.0f', offset))
  redis.call('SET', sender, string.format('%.0f', number), 'PX', ARGV[6])
  redis.call('PUBLISH', ARGV[1], epoch .. string.format(':%.0f\n', offset) .. message)
  return offset
end

for place = 7, #ARGV, 3 do
  local verb, number, message = ARGV[place], tonumber(ARGV[place + 1]), ARGV[place + 2]
  if verb == 'tell' then
    redis.call('PUBLISH', ARGV[1], '\n' .. message)
    replies[#replies + 1] = 0
  else
    replies[#replies + 1] = count(verb, number, message)
  end
end
if epoch then
  redis.call('PEXPIRE', log, ARGV[4])
  redis.call('PEXPIRE', meta, ARGV[5])
end
return replies
