#!/usr/bin/env bash
# This shows what an app on a phone does, as far as a shell can: it gets a token from the site, uploads a file, loses its
# connection and resumes, asks a follow-up question, and stops an answer.
#
#   examples/phone.sh http://127.0.0.1:8000/api KEY report.pdf "What does it say?" "And why?"
#
# KEY is the key of the site's backend, as QA_API_KEYS=site:KEY gives it to the service.
#
# On iOS, `URLSession.bytes(for:)` gives the same lines; a request's `timeoutInterval` of 24 s counts silence, not the
# whole answer. On Android, OkHttp's `readTimeout` counts silence too, and `body.source().readUtf8Line()` reads the lines.
# An app that is put to sleep loses its connection and not the answer. When it wakes, it resumes where it was.
set -euo pipefail
api=$1 key=$2 file=$3 first=$4 next=$5

# The site's backend does this for one of its users, once an hour. The key never leaves the backend.
token=$(curl -fsS "$api/tokens" -X POST -H "Authorization: Bearer $key" -H "X-User-Id: user-1" |
  sed -n 's/.*"token":"\([^"]*\)".*/\1/p')

# Everything from here on happens on the phone.
new_id() { cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen; }
call() { curl -fsSN -H "Authorization: Bearer $token" "$@"; }
conversation=$(new_id)

# ask PIECES SECONDS FIELD…: the answer is stopped after PIECES pieces of text, and the connection is cut after SECONDS
# seconds. 0 means never.
ask() {
  local enough=$1 seconds=$2 seen='' id='' frame='' coming='' pieces=0 once request
  once=$(new_id)
  shift 2
  until [[ $frame == *'"type":"done"'* ]]; do
    # Until the answer's id is known, the question is sent again as it was. With the same key it is asked and paid for once.
    request=("$api/ask" -H "Idempotency-Key: $once" -F "sessionId=$conversation" -F ids=true "$@")
    [[ -z $seen ]] || request=("$api/answers/${seen%-*}/stream" -H "Last-Event-ID: $seen")
    # The service sends something every 8 s, so a connection that is silent for 24 s is dead.
    while IFS= read -r line; do
      case $line in
        id:*) id=${line#id: } ;;
        data:*) coming=${line#data: } ;;
        '') # an empty line ends a frame
          seen=$id frame=$coming
          echo "$frame"
          [[ $frame != *'"type":"text"'* ]] || ((++pieces != enough)) ||
            call -o /dev/null -X POST "$api/answers/${seen%-*}/cancel" ;;
      esac
    done < <(call --speed-limit 1 --speed-time 24 --max-time "$seconds" "${request[@]}")
    wait $! || [[ $? != 22 ]] || return 1 # curl's 22 is a refusal; any other failure is the connection's
    [[ $frame == *'"type":"done"'* ]] || echo "… cut after ${seen:-nothing}" >&2
    seconds=0
    sleep 0.5
  done
}

ask 0 1 -F "question=$first" -F "files=@$file"
ask 5 0 -F "question=$next"
