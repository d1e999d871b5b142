"""This module tells operators what a server's errors mean, and removes the keys and values that the errors quote."""

import re
from collections.abc import Mapping

import redis

_CODES: Mapping[type[redis.RedisError], str] = {
    redis.exceptions.OutOfMemoryError: "OOM",
    redis.ReadOnlyError: "READONLY",
    redis.exceptions.MasterDownError: "MASTERDOWN",
    redis.exceptions.ClusterDownError: "CLUSTERDOWN",
    redis.exceptions.TryAgainError: "TRYAGAIN",
    redis.exceptions.NoPermissionError: "NOPERM",
    redis.AuthenticationError: "WRONGPASS",
    redis.BusyLoadingError: "LOADING",
}
"""It maps a class of redis-py to the code for which it stands, because redis-py removes that code from the words."""

NO_ANSWER = "The store does not answer."

SENTENCES = (
    (
        re.compile(r"\bOOM\b"),
        "The store is full: its maxmemory is reached, and it takes nothing new until something is deleted.",
    ),
    (re.compile("READONLY"), "The store takes no writes: it is a replica."),
    (re.compile("MASTERDOWN"), "The store answers nothing: it is a replica whose master is away."),
    (re.compile("MISCONF"), "The store takes no writes: it can't write to its disk."),
    (re.compile("NOREPLICAS"), "The store takes no writes: too few of its replicas are connected."),
    (re.compile(r"^BUSY |CLUSTERDOWN|TRYAGAIN"), "The store refuses commands for now."),
    (re.compile(r"CROSSSLOT|^MOVED "), "The store is a cluster: this service needs one server, or sentinels."),
    (
        re.compile(r"NOPERM|can't (run|access)|no permissions"),
        "The store's user lacks a permission: this service needs scripts, hashes, lists, sorted sets, streams, and the "
        "keys qa:*.",
    ),
    (
        re.compile(r"[Uu]nknown (Redis )?command|[Ww]rong number of arg|Unsupported option"),
        "The store lacks a command: this service needs Redis 7.0 or newer, or Valkey.",
    ),
    (re.compile("WRONGPASS|NOAUTH"), "The store refuses the password of REDIS_URL."),
    (re.compile("LOADING"), "The store is still loading its data."),
)
"""Each row has a pattern for the server's words, and the sentence that says what they mean. The first match counts."""

_QUOTING = re.compile(r"^Command # \d+ .*? caused error: ", re.DOTALL)
_ARGUMENTS = re.compile(r",? with args beginning with.*", re.DOTALL)
_KEY = re.compile(r"qa:\{\S*")


def words_of(error: redis.RedisError) -> str:
    """Return the code and the words of the error, without the command or the keys that it quotes. Keys have owners and
    sessions in them, and values are private."""
    code = next((f"{code} " for kind, code in _CODES.items() if isinstance(error, kind)), "")
    return code + _KEY.sub("qa:…", _ARGUMENTS.sub("", _QUOTING.sub("", str(error))))


def refusal_in(words: str) -> str:
    """Return the sentence for a server that refuses or lacks something. It is empty where the words mean something
    else."""
    return next((sentence for pattern, sentence in SENTENCES if pattern.search(words)), "")


def is_wrong_kind(reply: object) -> bool:
    """Tell whether a reply says that the key holds another kind of value than was asked for. Any other error is raised,
    since the store may give the value later."""
    if not isinstance(reply, redis.RedisError):
        return False
    if not str(reply).startswith("WRONGTYPE"):
        raise reply
    return True
