"""This module has the scripts that change the topic of a session, and what other scripts do with topics.

A topic's context is the list of the turns that a model may see. Only the current topic has one that is stored; that of
another topic is made from the turns, which say themselves which topic they belong to. `said` is a hash that keeps, for
each topic, the beginnings of some exchanges, by which a question that comes back to the topic is recognised.
"""

from qa_service.stores.space_scripts import with_space

# `context_of` reads turns as text. The first place where a name of a field stands in a turn is the turn's own field,
# because the texts before it have their quotation marks escaped.
#
# Where nothing was asked in the last topic, which a reset has opened, `drop_unasked_topic` removes that topic. It
# returns how many are left.
#
# `begin_turn` returns the beginning of a turn, with its question and text. Its vectors and metadata, which stand behind
# them, are most of its bytes.
_FUNCTIONS = """
local function begin_turn(turn)
  local ends = turn and string.find(turn, ',"status":', 1, true)
  return ends and string.sub(turn, 1, ends - 1) .. '}' or turn
end
local function context_of(turns, answers, topic, most)
  local ids, found = redis.call('LRANGE', turns, 0, -1), {}
  for i = #ids, 1, -1 do
    local turn = #found < most and redis.call('HGET', answers, ids[i])
    if turn and string.match(turn, '"topic":(%d+)') == topic then
      local status, first = string.match(turn, '"status":"(%a+)"'), string.match(turn, '"text":"(.)')
      if status ~= 'failed' and status ~= 'running' and first ~= '"' then table.insert(found, 1, ids[i]) end
    end
  end
  return found
end
local function put_context(context, ids)
  redis.call('DEL', context)
  for _, id in ipairs(ids) do redis.call('RPUSH', context, id) end
end
local function drop_unasked_topic(head, current, topics)
  if tonumber(current) ~= topics or (redis.call('HGET', head, 'turns:' .. current) or '0') ~= '0' then return topics end
  redis.call('HDEL', head, 'title:' .. current, 'turns:' .. current)
  return topics - 1
end
"""


def with_context(script: str) -> str:
    """Return a script that may call these functions."""
    return _FUNCTIONS + script


LOAD_CONTEXT = with_context("""
-- head, turns, answers
local ids, turns = context_of(KEYS[2], KEYS[3], ARGV[1], tonumber(ARGV[2])), {}
if #ids > 0 then turns = redis.call('HMGET', KEYS[3], unpack(ids)) end
return {redis.call('HGET', KEYS[1], 'summary:' .. ARGV[1]) or '', ids, turns}
""")

LOAD_LONG = with_context("""
-- head, context, answers
local head, ids = redis.call('HMGET', KEYS[1], 'topic', ARGV[1]), redis.call('LRANGE', KEYS[2], 0, -1)
local turns = #ids > 0 and redis.call('HMGET', KEYS[3], unpack(ids)) or {}
for i, turn in ipairs(turns) do turns[i] = begin_turn(turn) end
return {head[1], head[2], turns}
""")

NEW_TOPIC = """
-- head, context
local current, topics = unpack(redis.call('HMGET', KEYS[1], 'topic', 'topics'))
if not current then return false end
local topic, asked = tonumber(topics or current) + 1, redis.call('HGET', KEYS[1], 'turns:' .. current) or '0'
if asked == '0' or topic > tonumber(ARGV[2]) then return tonumber(current) end
redis.call('HSET', KEYS[1], 'topic', topic, 'topics', topic, 'title:' .. topic, '', 'updatedAt', ARGV[1])
redis.call('DEL', KEYS[2])
return topic
"""

# It returns 0 where the session has no such topic, and nothing where there is no session.
REOPEN_TOPIC = with_context("""
-- head, turns, answers, context
local topic, now, seen = ARGV[1], ARGV[2], tonumber(ARGV[3])
local current, topics, asked = unpack(redis.call('HMGET', KEYS[1], 'topic', 'topics', 'turns:' .. topic))
if not current then return false end
if topic == current then return tonumber(topic) end
if (asked or '0') == '0' then return 0 end
topics = drop_unasked_topic(KEYS[1], current, tonumber(topics or current))
redis.call('HSET', KEYS[1], 'topic', topic, 'topics', topics, 'updatedAt', now)
put_context(KEYS[4], context_of(KEYS[2], KEYS[3], topic, seen))
redis.call('EXPIRE', KEYS[4], redis.call('TTL', KEYS[1]))
return tonumber(topic)
""")

# It counts the call that made a summary with the turn after which it was made, and keeps the summary if the one before
# is still the same, and all turns that it stands for are there.
SUM_UP = with_space("""
-- head, answers, space
local field, summary, before, answer, turn, charged = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local session, seconds = ARGV[7], ARGV[8]
local same = redis.call('EXISTS', KEYS[1]) == 1 and (redis.call('HGET', KEYS[1], field) or '') == before
for i = 9, #ARGV do same = same and redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1 end
if turn ~= '' and redis.call('HGET', KEYS[2], answer) == turn then put_field(KEYS[2], answer, charged) end
same = same and summary ~= ''
if same then put_field(KEYS[1], field, summary) end
change_space(KEYS[3], session, grown, seconds)
return same and 1 or 0
""")
