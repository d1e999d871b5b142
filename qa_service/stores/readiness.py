"""This module checks that a store answers, takes writes, and knows and allows every command that this service needs.

The commands are tried out. The version of a server wouldn't tell enough, since compatible servers have other version
numbers, and managed servers may forbid INFO.
"""

from contextlib import suppress
from typing import Any

import redis
from redis import Redis

from qa_service.errors import StoreUnavailable
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import PROBES
from qa_service.stores.refusals import refusal_in

# It tries every command that this service needs once, with keys that expire after a second. For each command that
# fails, it returns the command's name and the server's error.
PROBE_SCRIPT = """
-- string, hash, list, zset, stream
local probes = {
  {'SET', KEYS[1], '1', 'EX', 1}, {'GET', KEYS[1]}, {'TTL', KEYS[1]}, {'EXISTS', KEYS[1]},
  {'INCRBYFLOAT', KEYS[1], 1}, {'EXPIRE', KEYS[1], 1, 'NX'}, {'EXPIRE', KEYS[1], 1, 'GT'},
  {'HSET', KEYS[2], 'a', 1}, {'EXPIRE', KEYS[2], 1}, {'HSETNX', KEYS[2], 'b', 1}, {'HINCRBY', KEYS[2], 'a', 1},
  {'HGET', KEYS[2], 'a'}, {'HMGET', KEYS[2], 'a'}, {'HGETALL', KEYS[2]}, {'HKEYS', KEYS[2]}, {'HVALS', KEYS[2]},
  {'HEXISTS', KEYS[2], 'a'}, {'HSTRLEN', KEYS[2], 'a'}, {'HLEN', KEYS[2]}, {'HRANDFIELD', KEYS[2], 1},
  {'HDEL', KEYS[2], 'b'},
  {'RPUSH', KEYS[3], 'a', 'b'}, {'EXPIRE', KEYS[3], 1}, {'LRANGE', KEYS[3], 0, -1}, {'LPOP', KEYS[3]},
  {'LREM', KEYS[3], 0, 'c'}, {'LLEN', KEYS[3]},
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


def check_store(client: Redis, guard: StoreGuard) -> None:
    """Raise `StoreUnavailable`, which names what is missing, where the store isn't as needed. Where it is, this takes
    one round trip."""
    with guard:
        failed: Any = client.eval(PROBE_SCRIPT, len(PROBES), *PROBES)
    if failed:
        command, _, words = failed[0].decode().partition(": ")
        raise StoreUnavailable(f"{refusal_in(words) or 'The store lacks a command.'} ({command}{_version(client)})")


def _version(client: Redis) -> str:
    """Return the server's name and version for a message. It is empty where the server doesn't tell it."""
    with suppress(redis.RedisError):
        told: Any = client.info("server")
        name = "valkey" if "valkey_version" in told else "redis"
        return f", {name.capitalize()} {told[f'{name}_version']}"
    return ""
