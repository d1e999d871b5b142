"""The writes that must be one: small scripts that Redis runs whole or not at all.

They are sent as text each time, which costs microseconds and survives a `SCRIPT FLUSH` and a failover.
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
local mark, ttl, most = ARGV[10], ARGV[11], tonumber(ARGV[12])
local current = redis.call('HGET', KEYS[1], 'topic')
-- A command is sent again when its connection breaks: the same claim twice is one.
if redis.call('HEXISTS', KEYS[3], answer) == 1 then return {'known'} end
if (current or '0') ~= expected then return {'moved'} end
local running = redis.call('GET', KEYS[5])
if running and reject == '1' then return {'busy', running} end
local function append(id, value, number)
  redis.call('HSET', KEYS[3], id, value)
  redis.call('RPUSH', KEYS[2], id)
  redis.call('HINCRBY', KEYS[1], 'turns:' .. number, 1)
end
if not current then
  redis.call('HSET', KEYS[1], 'v', 1, 'createdAt', now, 'title', title, 'title:1', title)
  for i = 13, #ARGV, 2 do
    append(ARGV[i], ARGV[i + 1], '1')
    redis.call('RPUSH', KEYS[4], ARGV[i])
  end
end
if topic ~= expected then
  redis.call('HSET', KEYS[1], 'topic', topic)
  if topic ~= '1' then redis.call('DEL', KEYS[4]) end
end
-- One that was begun by hand has no title before its first question.
if (redis.call('HGET', KEYS[1], 'title:' .. topic) or '') == '' then
  redis.call('HSET', KEYS[1], 'title:' .. topic, topic_title)
end
redis.call('HSET', KEYS[1], 'updatedAt', now)
append(answer, turn, topic)
while redis.call('LLEN', KEYS[2]) > most do
  redis.call('HDEL', KEYS[3], redis.call('LPOP', KEYS[2]))
end
redis.call('SET', KEYS[5], answer .. ' ' .. worker, 'PX', mark)
for i = 1, 4 do redis.call('EXPIRE', KEYS[i], ttl) end
return {current and 'known' or 'created', running}
"""

SAVE = """
-- head, answers, context, files, running, turns
local answer, worker, turn, topic, extend = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local now, ttl, most, prefix = ARGV[6], ARGV[7], tonumber(ARGV[8]), ARGV[9]
local seconds = tonumber(ARGV[10])
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[2], answer) == 0 then return false end
redis.call('HSET', KEYS[2], answer, turn)
redis.call('HSET', KEYS[1], 'updatedAt', now)
if extend == '1' and redis.call('HGET', KEYS[1], 'topic') == topic then
  redis.call('LREM', KEYS[3], 0, answer)
  redis.call('RPUSH', KEYS[3], answer)
  redis.call('LTRIM', KEYS[3], -most, -1)
end
if redis.call('GET', KEYS[5]) == answer .. ' ' .. worker then redis.call('DEL', KEYS[5]) end
for i = 1, #KEYS do if i ~= 5 then redis.call('EXPIRE', KEYS[i], ttl) end end
for _, id in ipairs(redis.call('HKEYS', KEYS[4])) do redis.call('EXPIRE', prefix .. id, ttl) end
redis.call('HSETNX', KEYS[1], 'found', seconds)
if seconds - tonumber(redis.call('HGET', KEYS[1], 'found')) < tonumber(ttl) then return {} end
redis.call('HSET', KEYS[1], 'found', seconds)
return redis.call('LRANGE', KEYS[6], 0, -1)
"""

FINISH = """
-- head, files, the file's passages
if redis.call('EXISTS', KEYS[1]) == 0 then return redis.call('UNLINK', KEYS[3]) end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
for i = 2, 3 do redis.call('EXPIRE', KEYS[i], ARGV[3]) end
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
  local field = 'word:' .. ARGV[word]
  redis.call('HSET', KEYS[1], field, (redis.call('HGET', KEYS[1], field) or '') .. ARGV[word + 1])
end
redis.call('EXPIRE', KEYS[1], ttl)
"""

RENEW = """
-- running, answers
local answer, worker, turn, mark = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('GET', KEYS[1]) ~= answer .. ' ' .. worker then return end
redis.call('PEXPIRE', KEYS[1], mark)
-- Should its worker die, this much of it is kept.
if redis.call('HEXISTS', KEYS[2], answer) == 1 then redis.call('HSET', KEYS[2], answer, turn) end
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

# One question costs one interval; as many as the burst may come at once (GCRA). Times are in milliseconds.
TAKE = """
-- rate
local now, interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local wait = due + interval - now - burst * interval
if wait > 0.001 then return tostring(wait) end
redis.call('SET', KEYS[1], tostring(due + interval), 'PX', math.ceil(due + interval - now) + 1)
return '0'
"""
