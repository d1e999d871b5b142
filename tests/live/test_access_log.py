"""The access log of a server that was asked for one."""

from pathlib import Path
from urllib.parse import quote, urlencode

from tests.live.processes import gunicorn, until
from tests.live.reading import own_id, request

QUESTION = "비밀번호는 어디서 바꾸나요?"


def test_it_names_each_call_and_holds_no_id_and_no_question(redis_url: str, tmp_path: Path) -> None:
    session = own_id()
    fields = urlencode({"question": QUESTION, "stream": "false", "sessionId": session})
    options = {"REDIS_URL": redis_url, "WEB_CONCURRENCY": "1", "GUNICORN_CMD_ARGS": "--access-logfile -"}
    with gunicorn(tmp_path, **options) as service:
        _, answer = request(service.url, f"/api/ask?{fields}")
        request(service.url, f"/api/answers/{answer['answerId']}")
        request(service.url, f"/api/sessions/{session}", "DELETE")
        until(lambda: '"DELETE /api/sessions/* HTTP/1.1" 204' in service.said, 5, "the last call is logged")
        said = service.said

    assert '"GET /api/ask HTTP/1.1" 200' in said
    assert '"GET /api/answers/* HTTP/1.1" 200' in said
    assert not [word for word in (session, answer["answerId"], QUESTION, quote(QUESTION)) if word in said]
