-- Reads what a channel's history holds after a cursor, and begins it where there is none.
--
-- KEYS[1]  what is known of it: its epoch, how many messages it has counted, and how many before the epoch began
-- KEYS[2]  the history: a stream whose IDs are "<offset>-0"
-- ARGV[1]  the epoch, if one begins now
-- ARGV[2]  milliseconds until the count is forgotten
-- ARGV[3]  the epoch of the cursor
-- ARGV[4]  its offset
-- ARGV[5]  how many messages at most
-- ARGV[6]  "latest": the last of them, and all where the cursor is none of this history;
--          "next": the first of them, and those since the epoch began where it is none
-- ARGV[7]  the epoch that is over, because messages are missing that were in it; or nothing
--
-- Gives the epoch, the count, the count before the epoch, and the messages as XRANGE or XREVRANGE gives them.
local meta, log, most = KEYS[1], KEYS[2], tonumber(ARGV[5])
local known = redis.call('HMGET', meta, 'epoch', 'offset', 'begin')
local epoch, offset, begin = known[1], known[2], known[3] or '0'
if not epoch then
  redis.call('DEL', log)
  epoch, offset = ARGV[1], '0'
  redis.call('HSET', meta, 'epoch', epoch, 'offset', offset)
  redis.call('PEXPIRE', meta, ARGV[2])
elseif epoch == ARGV[7] then
  epoch, begin = ARGV[1], offset
  redis.call('HSET', meta, 'epoch', epoch, 'begin', begin)
end

local first = '-'
if ARGV[3] == epoch and tonumber(ARGV[4]) <= tonumber(offset) then
  first = '(' .. ARGV[4] .. '-0'
elseif ARGV[6] == 'next' then
  first = '(' .. begin .. '-0'
end
local found = {}
if most > 0 and ARGV[6] == 'latest' then
  found = redis.call('XREVRANGE', log, '+', first, 'COUNT', most)
elseif most > 0 then
  found = redis.call('XRANGE', log, first, '+', 'COUNT', most)
end
return { epoch, tonumber(offset), tonumber(begin), found }
