"""This module has what scripts do with the pictures that were drawn in answers. `scripts` says what a script is."""

_DROP_PICTURES = """
local function drop_pictures(images, answer)
  local freed, prefix = 0, answer .. ':'
  for _, field in ipairs(redis.call('HKEYS', images)) do
    if string.sub(field, 1, #prefix) == prefix then
      freed = freed + redis.call('HSTRLEN', images, field)
      redis.call('HDEL', images, field)
    end
  end
  return freed
end
"""

# It returns by how many bytes the session has grown, or nothing where the answer is no part of it any more.
KEEP_PICTURE = """
-- answers, images
local answer, field, value, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('HEXISTS', KEYS[1], answer) == 0 then return false end
local before = redis.call('HSTRLEN', KEYS[2], field)
redis.call('HSET', KEYS[2], field, value)
redis.call('EXPIRE', KEYS[2], ttl)
return #value - before
"""


def with_pictures(script: str) -> str:
    """Give a script a function that removes the pictures of one turn, and returns how many bytes that has freed. The
    pictures of a turn go with it."""
    return _DROP_PICTURES + script
