#!/usr/bin/env bash
# A phone's way, as far as a shell can show it: a token from the site, an upload, a connection that is lost and taken up
# again, a follow-up, and a tap on "stop".
#
#   examples/phone.sh http://127.0.0.1:8000/api KEY report.pdf "What does it say?" "And why?"
#
# On iOS, `URLSession.bytes(for:)` gives the same lines; a request's `timeoutInterval` of 24 s counts silence, not the
# whole answer. On Android, OkHttp's `readTimeout` counts silence too, and `body.source().readUtf8Line()` reads the lines.
# An app that is put to sleep loses its connection, not the answer: when it wakes it goes on where it was.
set -euo pipefail
api=$1 key=$2 file=$3 first=$4 next=$5

# What the site's backend does for one of its users, once an hour; the key never leaves it.
token=$(curl -fsS "$api/tokens" -X POST -H "Authorization: Bearer $key" -H "X-User-Id: user-1" |
  sed -n 's/.*"token":"\([^"]*\)".*/\1/p')

# From here on, the phone.
new_id() { cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen; }
call() { curl -fsSN -H "Authorization: Bearer $token" "$@"; }
conversation=$(new_id)

# ask PIECES SECONDS FIELD…: after so many pieces of text the person has read enough, after so many seconds there is a lift.
ask() {
  local enough=$1 seconds=$2 seen='' id='' frame='' coming='' pieces=0 once request
  once=$(new_id)
  shift 2
  until [[ $frame == *'"type":"done"'* ]]; do
    # Until its number is known, the question is sent again as it was: with the same key it is asked, and paid for, once.
    request=("$api/ask" -H "Idempotency-Key: $once" -F "sessionId=$conversation" -F ids=true "$@")
    [[ -z $seen ]] || request=("$api/answers/${seen%-*}/stream" -H "Last-Event-ID: $seen")
    # The service says something every 8 s: three times nothing, and the line is dead.
    while IFS= read -r line; do
      case $line in
        id:*) id=${line#id: } ;;
        data:*) coming=${line#data: } ;;
        '') # only now the frame is whole
          seen=$id frame=$coming
          echo "$frame"
          [[ $frame != *'"type":"text"'* ]] || ((++pieces != enough)) ||
            call -o /dev/null -X POST "$api/answers/${seen%-*}/cancel" ;;
      esac
    done < <(call --speed-limit 1 --speed-time 24 --max-time "$seconds" "${request[@]}")
    wait $! || [[ $? != 22 ]] || return 1 # refused; anything else is the connection's fault
    [[ $frame == *'"type":"done"'* ]] || echo "… cut after ${seen:-nothing}" >&2
    seconds=0
    sleep 0.5
  done
}

ask 0 1 -F "question=$first" -F "files=@$file"
ask 5 0 -F "question=$next"
