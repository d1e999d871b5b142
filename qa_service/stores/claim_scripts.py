"""This module has the scripts with which a question claims its session. `scripts` says what a script is."""

from qa_service.stores.space_scripts import with_space
from qa_service.stores.topic_scripts import with_context

# If the session is new and begins with an earlier conversation, pairs of an answer id and a turn follow the other
# arguments. If the question replaces turns, these follow: the ids of the session's answers as they were when that was
# decided, and then what `remove_turns` reads. The script returns what came of the claim, and which answers are running.
#
# The keys `files` and `said` are those of `remove_turns` alone. The last key is missing where the session stands in no
# list.
#
# A question is let in while its owner keeps fewer than `quota` bytes, without what the question replaces. This is
# decided here and nowhere else, so that of several questions at once each counts those before it.
#
# A topic that a reset has opened has no title before its first question.
#
# A command is sent again when its connection breaks. `claimed` says that the claim was carried out the first time.
# The first write is one that a full store refuses, and with it the claim, so that nothing is removed then.
_CLAIM = """
-- head, turns, answers, context, running, images, files, said, space, the owner's sessions
local expected, topic, topic_title, title, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local answer, worker, turn, reject = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local longest, ttl, most, seen = ARGV[10], ARGV[11], tonumber(ARGV[12]), tonumber(ARGV[13])
local session, counted, quota, asked, listed = ARGV[14], ARGV[15], tonumber(ARGV[16]), ARGV[17], ARGV[18]
local running, claimed = {}, false
for _, id in ipairs(redis.call('HKEYS', KEYS[5])) do
  if id == answer then claimed = true else table.insert(running, id) end
end
local current, heading, topics = unpack(redis.call('HMGET', KEYS[1], 'topic', 'title:' .. topic, 'topics'))
if claimed then return {'known', unpack(running)} end
if (current or '0') ~= expected then return {'moved'} end
local replaces = current and ARGV[19]
if replaces and table.concat(redis.call('LRANGE', KEYS[2], 0, -1), ' ') ~= replaces then return {'moved'} end
if #running > 0 and reject == '1' then return {'busy', unpack(running)} end
local used = tonumber(redis.call('HGET', KEYS[9], 'total') or '0')
if used >= quota and used - (replaces and size_of_removed(20) or 0) >= quota then return {'full'} end
redis.call('HSET', KEYS[5], answer, worker)
if replaces then
  remove_turns(20, tonumber(topics or current), title, ttl)
  current, topics, heading = ARGV[20], ARGV[21], redis.call('HGET', KEYS[1], 'title:' .. topic)
end
topics = tonumber(topics or current or '0')
local function append(id, value, number)
  add_turn(KEYS[3], id, value)
  redis.call('HINCRBY', KEYS[1], 'turns:' .. number, 1)
  return redis.call('RPUSH', KEYS[2], id)
end
if not current then
  redis.call('HSET', KEYS[1], 'v', 1, 'createdAt', now, 'title', title, 'title:1', title)
  for i = 19, #ARGV, 2 do
    append(ARGV[i], ARGV[i + 1], '1')
    redis.call('RPUSH', KEYS[4], ARGV[i])
  end
end
local moves = topic ~= (current or '1')
if moves and tonumber(topic) < topics then topics = drop_unasked_topic(KEYS[1], current, topics) end
if moves or replaces then put_context(KEYS[4], context_of(KEYS[2], KEYS[3], topic, seen)) end
heading = heading or (not current and topic == '1' and title) or ''
if heading == '' then heading = topic_title end
topics = math.max(topics, tonumber(topic))
redis.call('HSET', KEYS[1], 'topic', topic, 'topics', topics, 'title:' .. topic, heading, 'updatedAt', now)
for _ = most + 1, append(answer, turn, topic) do
  drop_turn(KEYS[3], KEYS[6], redis.call('LPOP', KEYS[2]))
end
change_space(KEYS[9], session, grown, counted)
redis.call('EXPIRE', KEYS[5], longest)
for _, i in ipairs({1, 2, 3, 4, 6}) do redis.call('EXPIRE', KEYS[i], ttl) end
if KEYS[10] then
  redis.call('ZADD', KEYS[10], asked, session)
  redis.call('EXPIRE', KEYS[10], listed)
end
return {current and 'known' or 'created', unpack(running)}
"""

# `remove_turns` removes the last turns of a session, with all that goes with them. The arguments from `place` on say
# what is removed: the topic that is the current one without the turns, how many topics there are then, and three lists,
# each behind the number of its members. These are the turns, each with its topic; the files that go with them, each
# with its key and its size; and what is remembered of the topics of those turns without them, field by field. The keys
# are those of `_CLAIM`.
#
# What the head is afterwards is written down twice: here, and in `_head_after` of `rewinds`, because the question needs
# to know it before its claim. Change both together. `tests/stores/test_rewinds.py` holds both against a session that
# never had the turns.
_REMOVE_TURNS = """
local function read_list(place)
  local list, last = {}, place + ARGV[place]
  for i = place + 1, last do list[i - place] = ARGV[i] end
  return list, last + 1
end
local function size_of_removed(place)
  local turns, after = read_list(place + 2)
  local files, size = read_list(after), 0
  for i = 1, #turns, 2 do size = size + size_of_turn(KEYS[3], KEYS[6], turns[i]) end
  for i = 3, #files, 3 do size = size + files[i] end
  return size
end
local function forget_topic(topic, ...)
  grown = grown - redis.call('HSTRLEN', KEYS[1], 'summary:' .. topic)
  redis.call('HDEL', KEYS[1], 'summary:' .. topic, ...)
  drop_said(KEYS[8], topic)
end
local function remove_turns(place, known, title, ttl)
  local topic, topics = ARGV[place], ARGV[place + 1]
  local turns, files, said
  turns, place = read_list(place + 2)
  files, place = read_list(place)
  said = read_list(place)
  for i = #turns - 1, 1, -2 do
    redis.call('LREM', KEYS[2], -1, turns[i])
    drop_turn(KEYS[3], KEYS[6], turns[i])
    redis.call('HINCRBY', KEYS[1], 'turns:' .. turns[i + 1], -1)
    forget_topic(turns[i + 1])
  end
  for i = 1, #files, 3 do
    if redis.call('HDEL', KEYS[7], files[i]) == 1 then grown = grown - files[i + 2] end
    redis.call('UNLINK', files[i + 1])
  end
  for n = topics + 1, known do forget_topic(n, 'title:' .. n, 'turns:' .. n) end
  for i = 1, #said, 2 do put_field(KEYS[8], said[i], said[i + 1]) end
  redis.call('EXPIRE', KEYS[8], ttl)
  redis.call('HSET', KEYS[1], 'topic', topic, 'topics', topics)
  if redis.call('EXISTS', KEYS[2]) == 1 then return end
  -- The session begins again. Its title is the new question's, too, if nobody has given it another one.
  local titles = redis.call('HMGET', KEYS[1], 'title', 'title:1')
  if titles[1] == titles[2] then redis.call('HSET', KEYS[1], 'title', title) end
  forget_topic(1)
  redis.call('HSET', KEYS[1], 'title:1', '', 'turns:1', 0)
end
"""

CLAIM = with_space(with_context(_REMOVE_TURNS + _CLAIM))
