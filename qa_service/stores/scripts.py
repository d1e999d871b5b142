"""The scripts: each is one write, since Redis runs it whole, without anything else in between.

A script that fails stops where it failed, and what it wrote before stays. So every script reads before it writes.
A full store refuses whatever may need memory, unless the script has written already. So scripts that end or delete
something begin with what takes something away, and still work then.
Scripts are sent as text each time, which costs microseconds and survives a `SCRIPT FLUSH` and a failover.
"""

LOAD = """
-- head, context, answers, files
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local ids = redis.call('LRANGE', KEYS[2], 0, -1)
local turns = {}
if #ids > 0 then turns = redis.call('HMGET', KEYS[3], unpack(ids)) end
return {redis.call('HGETALL', KEYS[1]), turns, redis.call('HVALS', KEYS[4])}
"""

# A seeded session arrives as pairs of answer id and turn behind the other arguments.
CLAIM = """
-- head, turns, answers, context, running
local expected, topic, topic_title, title, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local answer, worker, turn, reject = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local longest, ttl, most = ARGV[10], ARGV[11], tonumber(ARGV[12])
local running, claimed = {}, false
for _, id in ipairs(redis.call('HKEYS', KEYS[5])) do
  if id == answer then claimed = true else table.insert(running, id) end
end
-- A command is sent again when its connection breaks: the same claim twice is one.
if claimed then return {'known', unpack(running)} end
local head = redis.call('HMGET', KEYS[1], 'topic', 'title:' .. topic)
local current = head[1]
if (current or '0') ~= expected then return {'moved'} end
if #running > 0 and reject == '1' then return {'busy', unpack(running)} end
local function append(id, value, number)
  redis.call('HSET', KEYS[3], id, value)
  redis.call('HINCRBY', KEYS[1], 'turns:' .. number, 1)
  return redis.call('RPUSH', KEYS[2], id)
end
if not current then
  redis.call('HSET', KEYS[1], 'v', 1, 'createdAt', now, 'title', title, 'title:1', title)
  for i = 13, #ARGV, 2 do
    append(ARGV[i], ARGV[i + 1], '1')
    redis.call('RPUSH', KEYS[4], ARGV[i])
  end
end
if topic ~= expected and topic ~= '1' then redis.call('DEL', KEYS[4]) end
-- A topic that was begun by hand has no title before its first question.
local heading = head[2] or (not current and topic == '1' and title) or ''
if heading == '' then heading = topic_title end
redis.call('HSET', KEYS[1], 'topic', topic, 'title:' .. topic, heading, 'updatedAt', now)
for _ = most + 1, append(answer, turn, topic) do
  redis.call('HDEL', KEYS[3], redis.call('LPOP', KEYS[2]))
end
redis.call('HSET', KEYS[5], answer, worker)
redis.call('EXPIRE', KEYS[5], longest)
for i = 1, 4 do redis.call('EXPIRE', KEYS[i], ttl) end
return {current and 'known' or 'created', unpack(running)}
"""

# To begin the same answer a second time changes nothing, because its log may have gone on in between.
BEGIN = """
-- at, log
if redis.call('HSETNX', KEYS[1], 'session', ARGV[1]) == 0 then return end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('XADD', KEYS[2], '1-0', 'first', 1, 'items', ARGV[3], 'v', ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[4])
"""

# The entry arrives behind the other arguments. Redis refuses it if its worker isn't the writer any more: then nothing
# changes.
# What is no hash fails at the first look: otherwise the entry would be added each time that the script is sent again.
CLOSE = """
-- log, at
local last, seconds = ARGV[1], ARGV[2]
redis.call('HEXISTS', KEYS[2], 'last')
local added = redis.call('XADD', KEYS[1], unpack(ARGV, 3))
if not added then return false end
redis.call('EXPIRE', KEYS[1], seconds)
redis.call('HSET', KEYS[2], 'last', last)
if redis.call('TTL', KEYS[2]) < 0 then redis.call('EXPIRE', KEYS[2], seconds) end
return added
"""

SAVE = """
-- head, answers, context, files, running, turns
local answer, worker, turn, topic, extend = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local now, ttl, most, prefix = ARGV[6], ARGV[7], tonumber(ARGV[8]), ARGV[9]
local seconds = tonumber(ARGV[10])
local stored = redis.call('HGET', KEYS[2], answer)
if stored == turn then return {'saved'} end
if stored and redis.call('HGET', KEYS[5], answer) ~= worker then return {'lost'} end
redis.call('HDEL', KEYS[5], answer)
if not stored then return {'gone'} end
redis.call('HSET', KEYS[2], answer, turn)
local head = redis.call('HMGET', KEYS[1], 'topic', 'found')
if extend == '1' and head[1] == topic then
  if redis.call('RPUSH', KEYS[3], answer) > most then redis.call('LPOP', KEYS[3]) end
end
-- The head, the turns and the answers got theirs at the claim.
for i = 3, 4 do redis.call('EXPIRE', KEYS[i], ttl) end
for _, id in ipairs(redis.call('HKEYS', KEYS[4])) do redis.call('EXPIRE', prefix .. id, ttl) end
redis.call('HSET', KEYS[1], 'updatedAt', now, 'found', head[2] or seconds)
if seconds - tonumber(head[2] or seconds) < tonumber(ttl) then return {'saved'} end
redis.call('HSET', KEYS[1], 'found', seconds)
return {'saved', unpack(redis.call('LRANGE', KEYS[6], 0, -1))}
"""

ADOPT = """
-- answers, running
local turn = redis.call('HGET', KEYS[1], ARGV[1])
if not turn or redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return false end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[3], 'GT')
return turn
"""

# It returns 1 if the file is listed now and wasn't before, else 0.
FINISH_FILE = """
-- head, files, the file's passages
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('UNLINK', KEYS[3])
  return 0
end
local new = redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
for i = 2, 3 do redis.call('EXPIRE', KEYS[i], ARGV[3]) end
return new
"""

# The parts of a file come one after another, and a word may stand in many: its postings grow at their end.
ADD_PART = """
-- file
local first, ttl, passages = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
if redis.call('HSETNX', KEYS[1], 'part:' .. first, 1) == 0 then return end
local at = 4
for number = first, first + passages - 1 do
  redis.call('HSETNX', KEYS[1], 'first:' .. ARGV[at], number)
  redis.call('HINCRBY', KEYS[1], 'count:' .. ARGV[at], 1)
  redis.call('HSET', KEYS[1], 'passage:' .. number, ARGV[at + 1])
  at = at + 2
end
for word = at, #ARGV, 2 do
  local field = 'w:' .. ARGV[word]
  redis.call('HSET', KEYS[1], field, (redis.call('HGET', KEYS[1], field) or '') .. ARGV[word + 1])
end
redis.call('EXPIRE', KEYS[1], ttl)
"""

NEW_TOPIC = """
-- head, context
local current = redis.call('HGET', KEYS[1], 'topic')
if not current then return false end
if (redis.call('HGET', KEYS[1], 'turns:' .. current) or '0') == '0' then return tonumber(current) end
local topic = tonumber(current) + 1
redis.call('HSET', KEYS[1], 'topic', topic, 'title:' .. topic, '', 'updatedAt', ARGV[1])
redis.call('DEL', KEYS[2])
return topic
"""

RENAME = """
-- head
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'title', ARGV[1], 'updatedAt', ARGV[2])
return 1
"""

# One question costs each counter one interval; as many as the burst may come at once (GCRA). Times are milliseconds of
# the store's own clock, so that workers' clocks need not agree. Where one counter has nothing left, none is charged.
TAKE_QUESTION = """
-- the rate, and the wider network's rate if there is one
local takes = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local wait, dues = 0, {}
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  dues[i] = math.max(tonumber(redis.call('GET', key) or '0'), now) + interval
  wait = math.max(wait, dues[i] - now - burst * interval)
end
if wait > 0.001 then return tostring(wait) end
if takes == '1' then
  for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.3f', dues[i]), 'PX', math.ceil(dues[i] - now) + 1)
  end
end
return '0'
"""

# Times are those of the store's clock, since the clocks of workers need not agree. A worker that the store doesn't know
# wasn't taken for dead: a store that lost its memory gave nobody's answers away.
BEAT = """
-- workers, what this one holds
local worker, seconds = ARGV[1], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local silent = now - ARGV[2]
local missed = tonumber(redis.call('ZSCORE', KEYS[1], worker) or now) <= silent
redis.call('ZADD', KEYS[1], now, worker)
redis.call('EXPIRE', KEYS[1], seconds)
redis.call('EXPIRE', KEYS[2], seconds)
return {missed and 1 or 0, redis.call('ZRANGEBYSCORE', KEYS[1], 0, silent)}
"""

# Only one worker takes an answer out of a dead worker's hash, so no two get the same. A worker that was only silent may
# have been heard of since it was listed: what it began after that is its own. The score of a dead worker says more:
# zero, it withdrew by itself; one, it died, and some of its answers were taken; below zero, it has nothing left, and
# when that was found. Such an entry is kept for a while: should the worker live after all, it learns that it was
# taken for dead.
TAKE_OVER = """
-- workers, what the dead one holds, what this one holds
local dead, most, seconds, silent = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local score = redis.call('ZSCORE', KEYS[1], dead)
local heard = tonumber(score or 0)
local left = score and heard == 0
local taken = {}
if silent > 0 and heard > now - silent then return {0} end
for _, answer in ipairs(redis.call('HKEYS', KEYS[2])) do
  if #taken == most then break end
  local held = redis.call('HGET', KEYS[2], answer)
  redis.call('HDEL', KEYS[2], answer)
  redis.call('HSET', KEYS[3], answer, held)
  table.insert(taken, held)
end
if #taken > 0 then
  redis.call('ZADD', KEYS[1], 'XX', left and 0 or 1, dead)
  redis.call('EXPIRE', KEYS[3], seconds)
  return {left and 1 or 0, unpack(taken)}
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], seconds * 1000 - now, '(0')
redis.call('ZADD', KEYS[1], 'XX', -now, dead)
return {0}
"""

# An answer that another worker has taken meanwhile isn't held again.
HOLD = """
-- what this one holds
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
"""

# `stale` is a value that doesn't count any more. It is replaced if it still stands under the key.
RESERVE = """
-- the key
local value, seconds, stale = ARGV[1], ARGV[2], ARGV[3]
local found = redis.call('GET', KEYS[1])
if found and found ~= stale then return {found, redis.call('TTL', KEYS[1])} end
redis.call('SET', KEYS[1], value, 'EX', seconds)
"""

# A key that is kept for longer than some seconds stands for an answer that has begun.
RELEASE = """
-- the key
if redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('TTL', KEYS[1]) > tonumber(ARGV[2]) then
  redis.call('DEL', KEYS[1])
end
"""

# Deletes a session and tells the answers it had, those first that were running. What it told is kept for a while, so
# that whoever got no reply, or couldn't stop those answers, hears the same again.
DELETE_SESSION = """
-- head, running, turns, files, answers, context, deleted
local seconds, prefix = ARGV[1], ARGV[2]
if redis.call('EXISTS', KEYS[1]) == 0 then
  local told = redis.call('LRANGE', KEYS[7], 0, -1)
  if #told == 0 then return false end
  return told
end
local running = redis.call('HKEYS', KEYS[2])
local told = {tostring(#running), unpack(running)}
for _, id in ipairs(redis.call('LRANGE', KEYS[3], 0, -1)) do table.insert(told, id) end
local files = redis.call('HKEYS', KEYS[4])
redis.call('UNLINK', unpack(KEYS))
for _, id in ipairs(files) do redis.call('UNLINK', prefix .. id) end
redis.call('RPUSH', KEYS[7], unpack(told))
redis.call('EXPIRE', KEYS[7], seconds)
return told
"""

# A session's share of the text that is kept of an owner grows or shrinks; the owner's total goes with it.
CHANGE_SPACE = """
-- space
local field, change, seconds = 's:' .. ARGV[1], tonumber(ARGV[2]), ARGV[3]
local before = tonumber(redis.call('HGET', KEYS[1], field) or '0')
local after = math.max(before + change, 0)
if after == before then return end
redis.call('HDEL', KEYS[1], field)
local total = redis.call('HINCRBY', KEYS[1], 'total', string.format('%.0f', after - before))
if total <= 0 then return redis.call('UNLINK', KEYS[1]) end
if after > 0 then redis.call('HSET', KEYS[1], field, string.format('%.0f', after)) end
if change > 0 then redis.call('EXPIRE', KEYS[1], seconds) end
"""

# The hour begins with the first file that is read in it.
SPEND_SECONDS = """
-- reading
redis.call('INCRBYFLOAT', KEYS[1], ARGV[1])
if redis.call('TTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
"""

# In how many passages of a file each word stands; a posting is four bytes, and about nine in a file of version 1.
COUNT_POSTINGS = """
-- file
local prefix, bytes, counts = ARGV[1], tonumber(ARGV[2]), {}
for i = 3, #ARGV do counts[i - 2] = math.ceil(redis.call('HSTRLEN', KEYS[1], prefix .. ARGV[i]) / bytes) end
return counts
"""

# It tries every command of this service once, on keys that live for a second, and returns what the server said of those
# that failed.
PROBE = """
-- string, hash, list, zset, stream
local probes = {
  {'SET', KEYS[1], '1', 'EX', 1}, {'GET', KEYS[1]}, {'TTL', KEYS[1]}, {'EXISTS', KEYS[1]},
  {'INCRBYFLOAT', KEYS[1], 1}, {'EXPIRE', KEYS[1], 1, 'NX'}, {'EXPIRE', KEYS[1], 1, 'GT'},
  {'HSET', KEYS[2], 'a', 1}, {'EXPIRE', KEYS[2], 1}, {'HSETNX', KEYS[2], 'b', 1}, {'HINCRBY', KEYS[2], 'a', 1},
  {'HGET', KEYS[2], 'a'}, {'HMGET', KEYS[2], 'a'}, {'HGETALL', KEYS[2]}, {'HKEYS', KEYS[2]}, {'HVALS', KEYS[2]},
  {'HEXISTS', KEYS[2], 'a'}, {'HSTRLEN', KEYS[2], 'a'}, {'HLEN', KEYS[2]}, {'HRANDFIELD', KEYS[2], 1},
  {'HDEL', KEYS[2], 'b'},
  {'RPUSH', KEYS[3], 'a', 'b'}, {'EXPIRE', KEYS[3], 1}, {'LRANGE', KEYS[3], 0, -1}, {'LPOP', KEYS[3]},
  {'ZADD', KEYS[4], 1, 'a', 2, 'b'}, {'EXPIRE', KEYS[4], 1}, {'ZSCORE', KEYS[4], 'a'},
  {'ZRANGEBYSCORE', KEYS[4], 0, 1}, {'ZREVRANGEBYSCORE', KEYS[4], 1, 0}, {'ZREMRANGEBYSCORE', KEYS[4], 3, 4},
  {'ZREM', KEYS[4], 'b'},
  {'XADD', KEYS[5], '*', 'a', 1}, {'EXPIRE', KEYS[5], 1}, {'XADD', KEYS[5], 'NOMKSTREAM', '*', 'a', 1},
  {'XRANGE', KEYS[5], '-', '+'}, {'XREAD', 'STREAMS', KEYS[5], '0-0'},
  {'DEL', KEYS[1]}, {'UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]}, {'TIME'},
}
local failed = {}
for _, probe in ipairs(probes) do
  local reply = redis.pcall(unpack(probe))
  if type(reply) == 'table' and reply.err then
    table.insert(failed, probe[1] .. (probe[4] == 'NX' and ' NX' or '') .. ': ' .. reply.err)
  end
end
return failed
"""
