"""This module knows the usual words, which any text may have whatever its subject is. They say what a question asks for
("the name of", "in which year") or how it asks, and hardly what it is about.
"""

from qa_service.language.stems import stem_english

_ENGLISH = """
    able accord across act actual actually add ago allow almost along already although always among amount another
    answer appear apply area around ask available away back base be become before begin behind believe below beside
    best better big bring build call came carry cause certain change choose come common compare concern consider
    consist contain continue cost could create current date day decade decide define depend describe despite determine
    develop differ different do during early effect either else end enough especially etc even event ever every exist
    explain express fact far few find first follow form found full further gave general generally give go good great
    group grow happen hear heard held help high hold however idea identify important include increase instead involve
    issue item itself join keep kind know large last late later lead least leave led less level likely list little
    live locate location long look lot main may mean member mention might month move must name near nearly never new
    next normal note number occur offer often old one onto open order original other own paid part particular pass pay
    people percent percentage perform perhaps period person place play point position possible present previous
    produce provide purpose put quite range rather reach reason receive refer regard relate remain represent require
    result return right role run same saw say second see seem sell send separate serve set several shape show side
    similar simple since situation small some sometimes soon sort specific stand start state stay step still stop such
    suggest support take talk tell term than thing think third though three through time title today together took
    total toward try turn two type typical unit until upon use used usual usually value various view want way week
    well went whole why wide within word work world year yet
"""
_KOREAN = """
    가리키 가운데 가장 가지 가진 각각 같은 개 결과 경우 곳 과거 관계 관련 기록 내 내용 년도 다른 다음 단어 당시 대상
    동안 뒤 따르 때 뜻 뜻하 만든 만들 말 말하 매년 매달 매월 매일 매주 명 명칭 목적 발생 방법 방식 번 번째 부르 부분
    불리 사람 사용 사이 상황 새로운 생각 시기 시작 시절 알려진 앞 얻 역할 연대 연도 열린 영향 용어 원인 위치 의미 이름
    이유 이전 이후 인물 일부 일정 있던 있었던 작은 전체 정도 제목 존재 종류 주장 지닌 지정 처음 최종 최초 큰 특징
    하였던 했던 현재 형태 후
"""
_USUAL = frozenset([*map(stem_english, _ENGLISH.split()), *_KOREAN.split()])


def is_usual(word: str) -> bool:
    """Tell whether the stem of a word, as `list_words` gives it, is that of a usual word."""
    return word in _USUAL
