"""This module has the scripts that Redis runs. Each script is one write: Redis runs nothing else before it has ended.

The first line of a script names the keys that it gets, in their order. A script that fails stops there, and what it has
written before stays. So a script reads everything it decides by before it writes. A full store refuses every command
that may need memory, unless the script has written something already. So the scripts that save a turn, move an answer
or delete something begin with a command that removes something, and a full store still runs them. Scripts are sent as
text each time. That costs microseconds, and works after a `SCRIPT FLUSH` and after a failover.
"""

from qa_service.stores.space_scripts import with_space
from qa_service.stores.topic_scripts import with_context

# A context of 20 turns takes 75 kB, of which most are vectors and metadata. So only the beginning is returned of the
# turns between the first one and the latest ones.
LOAD = with_context("""
-- head, context, answers, files, said
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local ids = redis.call('LRANGE', KEYS[2], 0, -1)
local turns, said, fields = {}, {}, {}
if #ids > 0 then turns = redis.call('HMGET', KEYS[3], unpack(ids)) end
for i = 2, #turns - ARGV[2] do turns[i] = begin_turn(turns[i]) end
local head = redis.call('HMGET', KEYS[1], 'topic', 'topics')
local last = tonumber(head[2] or head[1])
for topic = math.max(1, last - ARGV[1]), last do
  for slot = 0, 3 do
    if topic ~= tonumber(head[1]) then table.insert(fields, topic .. ':' .. slot) end
  end
end
if #fields > 0 then said = redis.call('HMGET', KEYS[5], unpack(fields)) end
return {redis.call('HGETALL', KEYS[1]), ids, turns, redis.call('HVALS', KEYS[4]), fields, said}
""")

# It takes the turns one by one, because `unpack` gives at most some thousand values.
LOAD_TURNS = """
-- head, turns, answers, files, said
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local ids, turns = redis.call('LRANGE', KEYS[2], 0, -1), {}
for i, id in ipairs(ids) do turns[i] = redis.call('HGET', KEYS[3], id) end
return {redis.call('HGETALL', KEYS[1]), ids, turns, redis.call('HVALS', KEYS[4]), redis.call('HGETALL', KEYS[5])}
"""

# When this is sent a second time for the same answer, the log stays as it is, because it may have grown in between.
BEGIN = """
-- at, log, what the worker holds
redis.call('HSET', KEYS[3], ARGV[6], ARGV[7])
redis.call('EXPIRE', KEYS[3], ARGV[4])
if redis.call('HSETNX', KEYS[1], 'session', ARGV[1]) == 0 then return end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('XADD', KEYS[2], '1-0', 'first', 1, 'items', ARGV[3], 'v', ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[4])
"""

# The arguments of XADD follow the other arguments. Redis refuses the entry if its worker isn't the writer any more, and
# then nothing changes. HEXISTS makes the script fail, before it writes, where `at` is no hash. Otherwise it would fail
# after XADD, and add the entry each time that it is sent again.
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

# The exchange of the turn is kept in one of four places of its topic: the first one has the first question, and the
# three others take turns.
SAVE = with_space("""
-- head, answers, context, files, running, turns, said, space
local answer, worker, turn, topic, extend = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local now, ttl, most, prefix = ARGV[6], ARGV[7], tonumber(ARGV[8]), ARGV[9]
local seconds, exchange, session, counted = tonumber(ARGV[10]), ARGV[11], ARGV[12], ARGV[13]
local stored = redis.call('HGET', KEYS[2], answer)
if stored == turn then return {'saved'} end
if stored and redis.call('HGET', KEYS[5], answer) ~= worker then return {'lost'} end
redis.call('HDEL', KEYS[5], answer)
if not stored then return {'gone'} end
put_field(KEYS[2], answer, turn)
local head = redis.call('HMGET', KEYS[1], 'topic', 'found', 'turns:' .. topic)
if extend == '1' then
  local asked = tonumber(head[3] or '1')
  put_field(KEYS[7], topic .. ':' .. (asked > 1 and asked % 3 + 1 or 0), exchange)
  redis.call('EXPIRE', KEYS[7], ttl)
end
if extend == '1' and head[1] == topic then
  if redis.call('RPUSH', KEYS[3], answer) > most then redis.call('LPOP', KEYS[3]) end
end
change_space(KEYS[8], session, grown, counted)
-- The claim has renewed the head, the turns and the answers.
for i = 3, 4 do redis.call('EXPIRE', KEYS[i], ttl) end
for _, id in ipairs(redis.call('HKEYS', KEYS[4])) do redis.call('EXPIRE', prefix .. id, ttl) end
redis.call('HSET', KEYS[1], 'updatedAt', now, 'found', head[2] or seconds)
if seconds - tonumber(head[2] or seconds) < tonumber(ttl) then return {'saved'} end
redis.call('HSET', KEYS[1], 'found', seconds)
return {'saved', unpack(redis.call('LRANGE', KEYS[6], 0, -1))}
""")

# A turn that a question has replaced keeps its session busy no longer.
ADOPT = """
-- answers, running
local turn = redis.call('HGET', KEYS[1], ARGV[1])
if not turn then redis.call('HDEL', KEYS[2], ARGV[1]) end
if not turn or redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return false end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[3], 'GT')
return turn
"""

# It returns 1 if the file is listed now and wasn't before, and else 0.
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

# The parts of a file come one after another. A word may stand in many of them, so its postings are appended to those
# that it has. It returns how many bytes of the store the words of the part take. A new field takes `each` bytes
# besides its name and its value.
ADD_PART = """
-- file
local first, ttl, passages, each = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local part = 'part:' .. first
if redis.call('HSETNX', KEYS[1], part, 0) == 0 then return tonumber(redis.call('HGET', KEYS[1], part)) end
local at, size = 5, 0
for number = first, first + passages - 1 do
  redis.call('HSETNX', KEYS[1], 'first:' .. ARGV[at], number)
  redis.call('HINCRBY', KEYS[1], 'count:' .. ARGV[at], 1)
  redis.call('HSET', KEYS[1], 'passage:' .. number, ARGV[at + 1])
  at = at + 2
end
for word = at, #ARGV, 2 do
  local field, added = 'w:' .. ARGV[word], ARGV[word + 1]
  local before = redis.call('HGET', KEYS[1], field)
  redis.call('HSET', KEYS[1], field, (before or '') .. added)
  size = size + #added + (before and 0 or each + #field)
end
redis.call('HSET', KEYS[1], part, size)
redis.call('EXPIRE', KEYS[1], ttl)
return size
"""

# Vectors come later than the file. They don't bring a file back that was deleted meanwhile.
KEEP_VECTORS = """
-- file
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], unpack(ARGV)) end
"""

RENAME = """
-- head
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'title', ARGV[1], 'updatedAt', ARGV[2])
return 1
"""

# This is the generic cell rate algorithm (GCRA): each question costs each counter one interval, and as many questions
# as the burst may come at once. Times are milliseconds of the store's own clock, so that the workers' clocks needn't
# agree. Where one counter has nothing left, no counter is charged.
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

# Times are those of the store's clock, so that the workers' clocks needn't agree. A worker that the store doesn't know
# counts as one that wasn't taken for dead, because a store that has lost its data has given nobody's answers away.
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

# It moves answers from the hash `holds` of a dead worker to that of the caller, so no two workers get the same answer.
# If the dead worker was only silent (`silent` isn't 0) and has been heard of in the meantime, nothing is moved. The
# score of a dead worker says how it ended: 0 means that it withdrew by itself, 1 that it died and some of its answers
# were taken. A score below 0 means that it has nothing left, and is minus the time when that was found out. Such an
# entry is kept for a while. If the worker lives after all, it learns from the entry that it was taken for dead.
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

# It changes nothing where the worker doesn't hold the answer any more, because another worker has taken it.
HOLD = """
-- what this one holds
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
"""

# `stale` is a value of the key that doesn't count any more. If the key still has this value, it is replaced.
RESERVE = """
-- the key
local value, seconds, stale = ARGV[1], ARGV[2], ARGV[3]
local found = redis.call('GET', KEYS[1])
if found and found ~= stale then return {found, redis.call('TTL', KEYS[1])} end
redis.call('SET', KEYS[1], value, 'EX', seconds)
"""

# It deletes the key if it still has this value, and has more seconds left than the second argument says. That is -1, or
# the time of a reservation: a key that has more time left stands for an answer that has begun.
RELEASE = """
-- the key
if redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('TTL', KEYS[1]) > tonumber(ARGV[2]) then
  redis.call('DEL', KEYS[1])
end
"""

# It deletes a session, and returns how many of its answers were running, their ids, and the ids of all its answers.
# This reply is kept for a while, so that a caller who got no reply, or couldn't stop those answers, gets the same
# again.
DELETE_SESSION = """
-- head, running, turns, files, answers, context, deleted, images, said
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

# It deletes one turn, and returns how many are left in the session.
DELETE_TURN = with_space("""
-- turns, answers, context, head, images, said, space
local answer, topic, session = ARGV[1], ARGV[2], ARGV[3]
if redis.call('LREM', KEYS[1], 0, answer) == 0 then return false end
drop_turn(KEYS[2], KEYS[5], answer)
-- The summary of the topic may say what this turn said.
drop_field(KEYS[4], 'summary:' .. topic)
redis.call('LREM', KEYS[3], 0, answer)
redis.call('HINCRBY', KEYS[4], 'turns:' .. topic, -1)
drop_said(KEYS[6], topic)
change_space(KEYS[7], session, grown)
return redis.call('LLEN', KEYS[1])
""")

# The count expires an hour after the first file that was read.
SPEND_SECONDS = """
-- reading
redis.call('INCRBYFLOAT', KEYS[1], ARGV[1])
if redis.call('TTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
"""

# It returns in how many passages of a file each word stands. That is the length of the word's postings, divided by the
# bytes of one posting.
COUNT_POSTINGS = """
-- file
local prefix, bytes, counts = ARGV[1], tonumber(ARGV[2]), {}
for i = 3, #ARGV do counts[i - 2] = math.ceil(redis.call('HSTRLEN', KEYS[1], prefix .. ARGV[i]) / bytes) end
return counts
"""
