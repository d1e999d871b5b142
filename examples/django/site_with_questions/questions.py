"""The view that asks the service for whoever is logged in, and streams what comes."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from urllib.parse import quote

import httpx
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

ROUTES = {"ask", "answers", "sessions", "config", "chat.js"}
"""Only these are passed on. Among the others are `tokens` and `metrics`, which are for the holder of the key alone."""
PUBLIC = {"chat.js"}
"""These are for everybody, also for people who aren't logged in."""
THERE = ("accept", "accept-language", "content-type", "content-length", "idempotency-key", "last-event-id", "origin")
THERE = (*THERE, "sec-fetch-site", "if-none-match")
"""These headers of a browser are passed on. Cookies, credentials and what it claims to be forwarded are not."""
BACK = ("content-type", "cache-control", "etag", "retry-after", "x-accel-buffering", "x-answer-id", "x-request-id")
BACK = (*BACK, "x-session-id", "content-security-policy", "x-content-type-options")
PIECE = 64 * 1024
WORDS = {
    "not_found": ("There is nothing here.", "여기에는 아무것도 없어요."),
    "unauthenticated": ("Please log in to ask a question.", "질문하려면 로그인해 주세요."),
    "method_not_allowed": ("A question is asked with POST.", "질문은 POST로만 받아요."),
    "upstream_unavailable": (
        "The answers can't be reached. Please try again in a moment.",
        "답변 서비스에 연결할 수 없어요. 잠시 뒤에 다시 시도해 주세요.",
    ),
}

# A stream is never silent for longer than 8 s. With stream=false nothing comes before the whole answer.
client = httpx.AsyncClient(timeout=httpx.Timeout(620, connect=5), limits=httpx.Limits(max_connections=1000))


# Django's own check would read the whole question before this view could. The service compares where a POST comes from,
# and no GET asks here.
@csrf_exempt
async def pass_on(request: HttpRequest, rest: str) -> HttpResponseBase:
    """Pass a request on to the service, with the key of this site and the id of the person."""
    person = await request.auser()
    user = str(person.pk) if person.is_authenticated else ""
    parts = rest.rstrip("/").split("/")
    if refused := find_refusal(request, parts, user):
        return refused
    path = "/".join(quote(part, safe="") for part in parts)
    sent = client.build_request(
        request.method,
        f"{settings.QA_URL}/{path}?{request.META['QUERY_STRING']}".rstrip("?"),
        headers=headers_for(request, user),
        content=read_body(request) if request.method in ("POST", "PATCH") else None,
    )
    try:
        answer = await client.send(sent, stream=True)
    except httpx.TransportError:
        return refuse(request, 502, "upstream_unavailable")
    passed = StreamingHttpResponse(read_answer(answer), status=answer.status_code)
    del passed.headers["Content-Type"]
    for name in set(BACK) & set(answer.headers):
        passed.headers[name] = answer.headers[name]
    return passed


def find_refusal(request: HttpRequest, parts: list[str], user: str) -> HttpResponse | None:
    """Tell why a request isn't passed on. The result is None where it is."""
    if parts[0] not in ROUTES or {"", ".", ".."} & set(parts):
        return refuse(request, 404, "not_found")
    if not user and parts[0] not in PUBLIC:
        return refuse(request, 401, "unauthenticated")
    if parts[0] == "ask" and request.method != "POST":
        return refuse(request, 405, "method_not_allowed")
    return None


def headers_for(request: HttpRequest, user: str) -> dict[str, str]:
    """Make the headers for the service. The site says who asks, and how the browser has found it."""
    passed = {name: request.headers[name] for name in THERE if request.headers.get(name)}
    known = {"Authorization": f"Bearer {settings.QA_KEY}", "X-User-Id": user} if user else {}
    return {
        **passed,
        **known,
        "X-Forwarded-For": request.META["REMOTE_ADDR"],
        "X-Forwarded-Host": request.get_host(),
        "X-Forwarded-Proto": request.scheme,
        # The service names the addresses of sources below this path and its own prefix, /api.
        "X-Forwarded-Prefix": quote(request.path.partition("/api/")[0]),
    }


async def read_body(request: HttpRequest) -> AsyncIterator[bytes]:
    """Read the question and its files piece by piece. Django keeps what is large in a file meanwhile."""
    while piece := request.read(PIECE):
        yield piece


async def read_answer(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Read what comes. When the person has gone, Django ends this, and the service notices."""
    try:
        async for piece in answer.aiter_bytes():
            yield piece
    finally:
        await answer.aclose()


def refuse(request: HttpRequest, status: int, code: str) -> HttpResponse:
    """Refuse a request in the form in which the service does, with a sentence for the person in their language."""
    english, korean = WORDS[code]
    sentence = korean if request.headers.get("Accept-Language", "").startswith("ko") else english
    problem = {"type": "about:blank", "status": status, "code": code, "detail": english, "message": english}
    problem |= {"userMessage": sentence, "retryable": status == HTTPStatus.BAD_GATEWAY}
    return JsonResponse(problem, status=status, content_type="application/problem+json")
