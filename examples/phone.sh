#!/usr/bin/env bash
# A phone's way, as far as a shell can show it: a token from the site, an upload, a follow-up, and no waiting for a
# line that has gone silent.
#
#   examples/phone.sh http://127.0.0.1:8000/api KEY report.pdf "What does it say?" "And why?"
#
# On iOS, `URLSession.bytes(for:)` gives the same lines; a request's `timeoutInterval` of 10 s counts silence, not the
# whole answer. On Android, OkHttp's `readTimeout` counts silence too, and `body.source().readUtf8Line()` reads the lines.
# An app that is put to sleep loses its connection, not the answer: it asks for `answers/{answerId}` when it wakes.
set -euo pipefail
api=$1 key=$2 file=$3 first=$4 next=$5

# What the site's backend does for one of its users, once an hour; the key never leaves it.
token=$(curl -fsS "$api/tokens" -X POST -H "Authorization: Bearer $key" -H "X-User-Id: user-1" |
  sed -n 's/.*"token":"\([^"]*\)".*/\1/p')

# From here on, the phone. The conversation's id is its own. The service says something every 8 s: 10 s of silence mean
# that the line is dead.
conversation=$(cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen)
ask() {
  curl -fsSN --speed-limit 1 --speed-time 10 "$api/ask" -H "Authorization: Bearer $token" \
    -F "sessionId=$conversation" "$@"
}

ask -F "question=$first" -F "files=@$file"
ask -F "question=$next"
