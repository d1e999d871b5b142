"""This module has what scripts do to count how much of the store the sessions of an owner take.

A script that changes what a session keeps counts it in the same write, so that nothing is counted twice or forgotten
where a command is sent again. `scripts` says what a script is.
"""

TURN_BYTES = 2000
"""A turn takes about this many bytes besides its JSON, because of the keys of its session, its answer, and their
fields."""

# It changes how many bytes are counted for a session, and changes the owner's total by as much. A session may have
# turns and pictures that an older release didn't count, so it never has fewer than none.
_CHANGE_SPACE = """
local function change_space(space, session, change, seconds)
  local field = 's:' .. session
  local before = tonumber(redis.call('HGET', space, field) or '0')
  local after = math.max(before + change, 0)
  if after == before then return end
  redis.call('HDEL', space, field)
  local total = redis.call('HINCRBY', space, 'total', string.format('%.0f', after - before))
  if total <= 0 then return redis.call('UNLINK', space) end
  if after > 0 then redis.call('HSET', space, field, string.format('%.0f', after)) end
  if change > 0 then redis.call('EXPIRE', space, seconds) end
end
"""

# These functions add up in `grown` by how many bytes the session has grown. `list_fields` lists all that is kept of a
# turn, each with its key, and `size_of_turn` says how many bytes go with the turn.
_COUNTING = """
local grown = 0
local function put_field(key, field, value)
  grown = grown + #value - redis.call('HSTRLEN', key, field)
  redis.call('HSET', key, field, value)
end
local function drop_field(key, field)
  grown = grown - redis.call('HSTRLEN', key, field)
  redis.call('HDEL', key, field)
end
local function add_turn(answers, answer, turn)
  grown = grown + TURN_BYTES
  put_field(answers, answer, turn)
end
local function list_fields(answers, images, answer)
  local fields, prefix = {{answers, answer}, {answers, 'feedback:' .. answer}}, answer .. ':'
  for _, field in ipairs(redis.call('HKEYS', images)) do
    if string.sub(field, 1, #prefix) == prefix then table.insert(fields, {images, field}) end
  end
  return fields
end
local function size_of_turn(answers, images, answer)
  local size = TURN_BYTES
  for _, kept in ipairs(list_fields(answers, images, answer)) do size = size + redis.call('HSTRLEN', unpack(kept)) end
  return size
end
local function drop_turn(answers, images, answer)
  grown = grown - TURN_BYTES
  for _, kept in ipairs(list_fields(answers, images, answer)) do drop_field(unpack(kept)) end
end
local function drop_said(said, topic)
  for slot = 0, 3 do drop_field(said, topic .. ':' .. slot) end
end
""".replace("TURN_BYTES", str(TURN_BYTES))


def with_space(script: str) -> str:
    """Return a script that may call these functions. At its end it calls `change_space` with `grown`."""
    return _CHANGE_SPACE + _COUNTING + script


CHANGE_SPACE = f"""
-- space
{_CHANGE_SPACE}
change_space(KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3])
"""

# The pictures of a turn go with it. It returns whether the answer is still a part of the session.
KEEP_PICTURE = with_space("""
-- answers, images, space
local answer, field, value, ttl, session, seconds = unpack(ARGV)
if redis.call('HEXISTS', KEYS[1], answer) == 0 then return 0 end
put_field(KEYS[2], field, value)
redis.call('EXPIRE', KEYS[2], ttl)
change_space(KEYS[3], session, grown, seconds)
return 1
""")

# It keeps feedback beside its turn, if the turn is there. It returns whether it is.
KEEP_FEEDBACK = with_space("""
-- answers, space
local answer, field, value, session, seconds = unpack(ARGV)
if redis.call('HEXISTS', KEYS[1], answer) == 0 then return 0 end
put_field(KEYS[1], field, value)
change_space(KEYS[2], session, grown, seconds)
return 1
""")
