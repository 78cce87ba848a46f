-- Makes decisions one after the other, each all or nothing. The same rules as `_rules/counting.py`, line by line: whole
-- numbers below 2^53, and divisions rounded down, so that both say the same to the microsecond.
--
-- KEYS     the counters of all charges, in their order; those of one decision stand together
-- ARGV[1]  microseconds by which the server's time is moved
-- ARGV[2]  the present in microseconds, in place of the server's time; for tests
-- ARGV[3]  JSON: of each decision its verb and how many microseconds ago, and of each of its charges six things:
--          [["count" | "peek" | "force" | "refund" | "reset", age, algorithm, amount, window, burst, tick, cost, …], …]
--
-- Gives text: of each decision "remaining reset_after retry_after …", or "!" where a key holds what is no counter; ";"
-- between them.
local floor, min, max, format = math.floor, math.min, math.max, string.format

local now = tonumber(ARGV[2])
-- Time that a test tells does not pass by itself, and the server's must not end a key meanwhile.
local longer = now and 60000 or 0
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
now = now + ARGV[1]

local sliding, gcra, fixed, log = { stamp = 5 }, { stamp = 1 }, { stamp = 1 }, { stamp = 1 }
local countings = { s = sliding, g = gcra, f = fixed, l = log }

-- state: first, last and count of the older window; first, last and count of the newer
function sliding.settle(limit, state, now)
  local step = state[5] - now
  if step > 0 then
    return { state[1] - step, state[2] - step, state[3], state[4] - step, now, state[6] }
  end
  return now - state[5] < limit.window and state or nil
end

function sliding.ready(limit, kept, cost, now)
  local first, last, count, left = kept[4], kept[5], kept[6], limit.amount - cost
  if count <= left and now - first < limit.window then
    first, last, count, left = kept[1], kept[2], kept[3], left - count
  end
  if count - 1 <= left then return first + limit.window end
  return last + limit.window - floor(left * (last - first) / (count - 1))
end

function sliding.count(limit, kept, cost, now)
  local most = 2 * limit.amount
  if not kept then return { now - limit.window, now - limit.window, 0, now, now, min(cost, most) } end
  if now - kept[4] >= limit.window then return { kept[4], kept[5], kept[6], now, now, min(cost, most) } end
  return { kept[1], kept[2], kept[3], kept[4], now, min(kept[6] + cost, most) }
end

function sliding.used(limit, kept, now)
  local older_first, older_last, older, count = kept[1], kept[2], kept[3], kept[6]
  if now - kept[4] >= limit.window then
    older_first, older_last, older, count = kept[4], kept[5], kept[6], 0
  end
  local begin = now - limit.window
  if older <= 1 or older_last <= begin then return count end
  return count - floor((older - 1) * (begin - older_last) / (older_last - older_first))
end

function sliding.ends(limit, kept) return kept[5] + limit.window end

function sliding.refund(limit, kept, cost, since)
  if since < kept[4] then return { kept[1], kept[2], max(0, kept[3] - cost), kept[4], kept[5], kept[6] } end
  if cost < kept[6] then return { kept[1], kept[2], kept[3], kept[4], kept[5], kept[6] - cost } end
  if kept[3] > 0 then
    return { kept[1] - limit.window, kept[1] - limit.window, 0, kept[1], kept[2], kept[3] }
  end
end

-- state: when, and how full the bucket was then
function gcra.settle(limit, state, now)
  local passed = now - state[1]
  if passed <= 0 then return { now, state[2] } end
  if passed >= 2 * limit.window or state[2] <= passed * limit.amount then return nil end
  return { now, state[2] - passed * limit.amount }
end

function gcra.ready(limit, kept, cost, now)
  return now - floor((limit.burst * limit.window - kept[2] - cost * limit.window) / limit.amount)
end

function gcra.count(limit, kept, cost, now)
  local most = 2 * limit.burst
  return { now, min((kept and kept[2] or 0) + min(cost, most) * limit.window, most * limit.window) }
end

function gcra.used(limit, kept) return -floor(-kept[2] / limit.window) end

function gcra.ends(limit, kept) return kept[1] - floor(-kept[2] / limit.amount) end

function gcra.refund(limit, kept, cost, since)
  local level = kept[2] - max(0, min(cost, 2 * limit.burst) * limit.window - (kept[1] - since) * limit.amount)
  return level > 0 and { kept[1], level } or nil
end

-- state: when the window began, and its count
function fixed.settle(limit, state, now)
  if now < state[1] then return { now, state[2] } end
  return now - state[1] < limit.window and state or nil
end

function fixed.ready(limit, kept, cost, now)
  return kept[2] + cost <= limit.amount and now or kept[1] + limit.window
end

function fixed.count(limit, kept, cost, now)
  return { kept and kept[1] or now, min((kept and kept[2] or 0) + cost, 2 * limit.amount) }
end

function fixed.used(limit, kept) return kept[2] end

function fixed.ends(limit, kept) return kept[1] + limit.window end

function fixed.refund(limit, kept, cost, since)
  if since < kept[1] then return kept end
  return cost < kept[2] and { kept[1], kept[2] - cost } or nil
end

-- state: when it was last counted; the sum of the costs; then time and cost of each hit, oldest first. There may be a
-- thousand, so they stay text, of which a hit reads the beginning and the end.
local FIRST, LAST, FAR_ENOUGH = '^(%S+) (%S+) ?', '(%S+) (%S+)$', -48

function log.recall(text)
  local when, total, hits = string.match(text, '^(%S+) (%S+) (.+)$')
  return { tonumber(when), tonumber(total), hits }
end

function log.settle(limit, state, now)
  local step, total, hits, place = state[1] - now, state[2], state[3], 1
  if step > 0 then
    local function move(time, cost) return format('%.0f ', time - step) .. cost end
    return { now, total, (string.gsub(hits, '(%S+) (%S+)', move)) }
  end
  local _, last, time, cost = string.find(hits, FIRST)
  while time and tonumber(time) <= now - limit.window do
    total, place = total - cost, last + 1
    _, last, time, cost = string.find(hits, FIRST, place)
  end
  return time and { state[1], total, string.sub(hits, place) } or nil
end

function log.ready(limit, kept, cost, now)
  local over, when, last = kept[2] + cost - limit.amount, now, 0
  while over > 0 do
    local _, place, time, freed = string.find(kept[3], FIRST, last + 1)
    over, when, last = over - freed, time + limit.window, place
  end
  return when
end

function log.count(limit, kept, cost, now)
  if not kept then
    cost = min(cost, 2 * limit.amount)
    return { now, cost, format('%.0f %.0f', now, cost) }
  end
  local total = min(kept[2] + cost, 2 * limit.amount)
  cost = total - kept[2]
  local time, counted = string.match(kept[3], LAST, FAR_ENOUGH)
  if tonumber(time) == now then
    return { now, total, string.sub(kept[3], 1, -#counted - 1) .. format('%.0f', counted + cost) }
  end
  return cost > 0 and { now, total, kept[3] .. format(' %.0f %.0f', now, cost) } or kept
end

function log.used(limit, kept) return kept[2] end

function log.ends(limit, kept) return string.match(kept[3], LAST, FAR_ENOUGH) + limit.window end

function log.refund(limit, kept, cost, since)
  local total, hits = 0, {}
  for time, counted in string.gmatch(kept[3], '(%S+) (%S+)') do hits[#hits + 1] = { time, tonumber(counted) } end
  for place = #hits, 1, -1 do
    local hit = hits[place]
    if tonumber(hit[1]) <= since then
      local taken = min(cost, hit[2])
      cost, hit[2] = cost - taken, hit[2] - taken
    end
  end
  local words = {}
  for _, hit in ipairs(hits) do
    total = total + hit[2]
    if hit[2] > 0 then words[#words + 1] = format('%s %.0f', hit[1], hit[2]) end
  end
  return words[1] and { kept[1], total, table.concat(words, ' ') } or nil
end

local function recall(limit)
  local text, state = redis.call('GET', limit.key), {}
  if not text then return nil end
  if limit.counting.recall then return limit.counting.recall(text) end
  for number in string.gmatch(text, '%S+') do state[#state + 1] = tonumber(number) end
  return state
end

local function remember(limit, state)
  if not state then
    redis.call('DEL', limit.key)
    return
  end
  local words = {}
  for place, value in ipairs(state) do
    words[place] = type(value) == 'number' and format('%.0f', value) or value
  end
  local left = limit.counting.ends(limit, state) * limit.tick - now
  redis.call('SET', limit.key, table.concat(words, ' '), 'PX', longer + max(1, -floor(-left / 1000)))
end

local function weigh(limit)
  local state = recall(limit)
  limit.stepped = state and limit.now < state[limit.counting.stamp]
  limit.kept = state and limit.counting.settle(limit, state, limit.now)
  if limit.cost > limit.burst then return -1 end
  if limit.cost == 0 or not limit.kept then return 0 end
  local ready = limit.counting.ready(limit, limit.kept, limit.cost, limit.now)
  return ready <= limit.now and 0 or ready * limit.tick - now
end

local function tell(limit, state, retry_after)
  if not state then return format('%.0f 0 %.0f', limit.burst, retry_after) end
  local left = max(limit.burst - limit.counting.used(limit, state, limit.now), 0)
  return format('%.0f %.0f %.0f', left, limit.counting.ends(limit, state) * limit.tick - now, retry_after)
end

local function decide(verb, limits)
  local passes, waits, words = true, {}, {}
  for place, limit in ipairs(limits) do
    waits[place] = weigh(limit)
    if verb == 'force' then waits[place] = 0 end
    passes = passes and waits[place] == 0
  end
  local counts = verb ~= 'peek' and passes
  for place, limit in ipairs(limits) do
    local state = limit.kept
    if counts and limit.cost > 0 then
      state = limit.counting.count(limit, state, limit.cost, limit.now)
      remember(limit, state)
    elseif limit.stepped then
      remember(limit, state)
    end
    words[place] = tell(limit, state, waits[place])
  end
  return table.concat(words, ' ')
end

local function refund(limits)
  local words = {}
  for place, limit in ipairs(limits) do
    weigh(limit)
    local state = limit.kept
    -- What is a period old counts no more: what does was counted since.
    if state and limit.now - limit.since < limit.window then
      state = limit.counting.refund(limit, state, limit.cost, limit.since)
    end
    remember(limit, state)
    words[place] = tell(limit, state, 0)
  end
  return table.concat(words, ' ')
end

local function reset(limits)
  for _, limit in ipairs(limits) do redis.call('DEL', limit.key) end
  return ''
end

local verbs = {
  count = function(limits) return decide('count', limits) end,
  peek = function(limits) return decide('peek', limits) end,
  force = function(limits) return decide('force', limits) end,
  refund = refund,
  reset = reset,
}

local replies, used = {}, 0
for place, asked in ipairs(cjson.decode(ARGV[3])) do
  local limits = {}
  for start = 3, #asked, 6 do
    used = used + 1
    local tick = asked[start + 4]
    limits[#limits + 1] = {
      key = KEYS[used], counting = countings[asked[start]], amount = asked[start + 1], window = asked[start + 2],
      burst = asked[start + 3], tick = tick, cost = asked[start + 5], now = floor(now / tick),
      since = floor((now - asked[2]) / tick),
    }
  end
  local worked, reply = pcall(verbs[asked[1]], limits)
  if not worked then
    local problem = type(reply) == 'table' and reply.err or tostring(reply)
    -- Whatever else goes wrong would go wrong for all, and nothing has been counted yet.
    if not string.find(problem, 'WRONGTYPE', 1, true) then error(reply) end
    reply = '!'
  end
  replies[place] = reply
end
return table.concat(replies, ';')
