"""This module has the fixed sentences for people and the fixed labels for prompts, in Korean and English."""

from typing import Literal, TypeAlias

from qa_service.errors import QAError
from qa_service.frames import Failure
from qa_service.model import Language

Label: TypeAlias = Literal["reference", "files_question"]

MOMENT_SECONDS = 10
"""A wait of at most this many seconds is called a moment."""

_RETRY: dict[Language, str] = {"ko": "잠시 후 다시 시도해 주세요.", "en": "Please try again in a moment."}
_PASSING = {
    "internal",
    "rate_limited",
    "overloaded",
    "draining",
    "store_unavailable",
    "upstream_unavailable",
    "upstream_timeout",
}
"""These errors pass by themselves, so people are told to try again in a moment."""
_ADMIN_KO, _ADMIN_EN = "관리자에게 알려 주세요.", "Please tell the site's administrator."

_MESSAGES: dict[str, dict[Language, str]] = {
    "internal": {
        "ko": "예상하지 못한 문제가 생겼어요.",
        "en": "Something unexpected went wrong on our side.",
    },
    "bad_request": {
        "ko": "요청을 읽을 수 없었어요. 질문을 다시 보내 주세요.",
        "en": "We couldn't read that request. Please send your question again.",
    },
    "bad_multipart": {
        "ko": "보내신 내용을 끝까지 읽을 수 없었어요. 다시 보내 주세요.",
        "en": "We couldn't read all of what you sent. Please send it again.",
    },
    "bad_json": {
        "ko": "요청 형식이 올바르지 않아요. 질문을 다시 보내 주세요.",
        "en": "The request's format isn't right. Please send your question again.",
    },
    "unauthenticated": {"ko": "로그인이 필요해요. 다시 로그인해 주세요.", "en": "Please sign in again to continue."},
    "forbidden_origin": {
        "ko": f"이 사이트에서는 사용할 수 없도록 설정되어 있어요. {_ADMIN_KO}",
        "en": f"This site isn't set up to use the assistant. {_ADMIN_EN}",
    },
    "not_found": {
        "ko": "찾으시는 내용이 없거나 보관 기간이 지났어요.",
        "en": "We couldn't find that; it may have expired.",
    },
    "method_not_allowed": {"ko": "지원하지 않는 요청이에요.", "en": "That request isn't supported here."},
    "too_large": {
        "ko": "보내신 내용이 너무 커요. 줄이거나 나누어 보내 주세요.",
        "en": "That's too large to take in. Please send something smaller or split it up.",
    },
    "too_many_files": {
        "ko": "파일이 너무 많아요. 몇 개씩 나누어 올려 주세요.",
        "en": "That's too many files at once. Please send fewer at a time.",
    },
    "over_quota": {
        "ko": "대화와 파일을 보관할 자리가 가득 찼어요. 필요 없는 대화를 지우거나, 오래된 대화의 보관 기간이 지난 뒤에 "
        "다시 물어봐 주세요.",
        "en": "There is no room left to keep your conversations and files. Please delete some conversations, or ask "
        "again when old ones have expired.",
    },
    "unsupported_media_type": {
        "ko": "지원하지 않는 요청 형식이에요.",
        "en": "That kind of request isn't supported.",
    },
    "invalid_field": {
        "ko": "입력한 값 중에 사용할 수 없는 것이 있어요. 확인해 주세요.",
        "en": "One of the values isn't usable. Please check it and try again.",
    },
    "model_not_allowed": {
        "ko": "선택한 모델은 사용할 수 없어요. 다른 모델을 골라 주세요.",
        "en": "That model isn't available here. Please choose another.",
    },
    "idempotency_mismatch": {
        "ko": "같은 요청 번호로 다른 질문을 받았어요. 질문을 새로 보내 주세요.",
        "en": "That request number was already used for another question. Please ask again.",
    },
    "body_timeout": {
        "ko": "전송이 너무 오래 걸려 중단되었어요. 연결을 확인하고 다시 보내 주세요.",
        "en": "Sending took too long. Please check your connection and try again.",
    },
    "busy": {
        "ko": "아직 이전 질문에 답하고 있어요. 답변이 끝난 뒤에 다시 물어봐 주세요.",
        "en": "We're still answering your last question. Please ask again when it's done.",
    },
    "rate_limited": {
        "ko": "지금은 질문이 많이 몰려 있어요.",
        "en": "There have been a lot of questions just now.",
    },
    "overloaded": {
        "ko": "지금은 이용하는 분이 많아 답변하기 어려워요.",
        "en": "We're very busy right now.",
    },
    "draining": {
        "ko": "서비스를 새로 준비하고 있어요.",
        "en": "The service is restarting.",
    },
    "store_unavailable": {
        "ko": "대화를 저장하는 곳에 연결할 수 없어요.",
        "en": "We can't reach the place where conversations are kept.",
    },
    "upstream_unavailable": {
        "ko": "AI 서비스에 문제가 생겼어요.",
        "en": "The AI service has a problem right now.",
    },
    "upstream_not_configured": {
        "ko": f"이 기능은 아직 설정되지 않았어요. {_ADMIN_KO}",
        "en": f"This hasn't been set up yet. {_ADMIN_EN}",
    },
    "insufficient_quota": {
        "ko": f"AI 서비스의 사용 한도를 모두 썼어요. {_ADMIN_KO}",
        "en": f"The AI service's quota is used up. {_ADMIN_EN}",
    },
    "upstream_rejected": {
        "ko": f"AI 서비스가 요청을 받아들이지 않았어요. {_ADMIN_KO}",
        "en": f"The AI service turned the request down. {_ADMIN_EN}",
    },
    "upstream_timeout": {
        "ko": "AI 서비스의 응답이 너무 늦어지고 있어요.",
        "en": "The AI service is taking too long to answer.",
    },
    "context_length": {
        "ko": "질문과 파일의 내용이 너무 길어요. 줄여서 다시 물어봐 주세요.",
        "en": "Your question and files are too long to answer at once. Please shorten them.",
    },
    "content_filter": {
        "ko": "안전 정책에 따라 이 질문에는 답할 수 없어요. 다르게 물어봐 주세요.",
        "en": "The safety policy doesn't allow an answer to this. Please try asking differently.",
    },
    "interrupted": {
        "ko": "답변이 도중에 끊겼어요. 다시 물어봐 주세요.",
        "en": "The answer was cut off partway. Please ask again.",
    },
    "cancelled": {"ko": "답변을 중단했어요.", "en": "The answer was stopped."},
}

_LABELS: dict[Label, dict[Language, str]] = {
    "reference": {"ko": "[참고 정보]", "en": "[Reference]"},
    "files_question": {"ko": "이 파일들에는 어떤 내용이 있나요?", "en": "What is in these files?"},
}


def phrase_error(code: str, language: Language, retry_after: int | None = None) -> str:
    """Return the sentence that tells a person of an error. It is the sentence for `internal` where the code is unknown,
    and English where the language is, because a later release may have stored it.

    Where waiting is known to take longer than a moment, nobody is told to try again in a moment. The number of seconds
    stands beside the sentence then, in `retryAfter`.
    """
    known_code = code if code in _MESSAGES else "internal"
    known_language: Language = language if language in _RETRY else "en"
    sentence = _MESSAGES[known_code][known_language]
    if known_code not in _PASSING or (retry_after or 0) > MOMENT_SECONDS:
        return sentence
    return f"{sentence} {_RETRY[known_language]}"


def phrase_label(name: Label, language: Language) -> str:
    """Return the words of a label.

    `reference` is the heading of the passages in a prompt. `files_question` is the question where somebody has sent
    only files.
    """
    return _LABELS[name][language]


def build_failure(error: QAError, language: Language) -> Failure:
    """Make the frame for an error. It has a sentence for operators, and another one for the person."""
    return Failure(
        error.code,
        error.message,
        phrase_error(error.code, language, error.retry_after),
        retryable=error.retryable,
        retry_after=error.retry_after,
        status=error.status,
    )
