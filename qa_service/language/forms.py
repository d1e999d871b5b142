"""This module finds the form of a question, whatever its subject is: its little words, and how it begins."""

import re

_LOOKED_AT = 1000
"""Only this many characters, from the beginning of a question, count for its form."""

_MOST_WORDS = 80
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[가-힣]+")
_ENGLISH = """
    a an the and or but nor so if then than that this these those there here it its they them their he him his she her
    we us our you your i me my mine is am are was were be been being do does did done have has had will would shall
    should can could may might must not no yes of in on at by to from for with without about into over under between
    as up down out off again also just only very too what which who whom whose when where why how some any all each
    every both few more most other another such same own please tell let get give know want need like make use used
    using much many long often far old big good best better main important different new first last next one two three
    ok okay sure thanks thank great well now still even else instead really actually maybe hi hello im i'm i've i'd
    it's that's what's don't can't there's let's explain describe define compare write create generate list provide
    show find help suggest recommend summarize rewrite translate identify calculate solve consider imagine suppose
    discuss analyze evaluate determine based following given answer question example examples text sentence word words
    response person people thing things way ways time times year years day kind type types part said say says mean
    means think believe heard understand sounds sound seem sorry
"""
_KOREAN = """
    그 이 저 것 수 등 또 더 좀 왜 뭐 무엇 어떤 어떻게 어디 언제 누가 누구 얼마나 얼마 그리고 그런데 근데 그래서 그럼
    그러면 만약 만일 대한 대해 위한 있는 있어 있을까 있나요 있는지 없어 하는 해야 하고 되는 될까 이런 그런 여기 거기
    우리 제 내 나 내가 나는 제가 저는 무슨 어느 몇 경우 때 중 가장 모두 다시 다른 너무 혹시 아니면 그냥 이거 그거 이게
    그게 뭐야 뭔가요 무엇인가요 방법 방법은 이유 이유는 차이 예시 하려면 싶어 싶은데 알려줘 알려주세요 설명해줘 설명해
    추천해줘 줘 주세요 해줘 돼 되나요 가능해 가능한가요 할 어떡해 뭔데 뭘 뭐가 어디서 어디에 어디야 누구야 언제야 이제
    지금 처음 나중에 먼저 다음 다음과 주어진 다음의 아래 작성해 작성하세요 설명하세요
"""
LITTLE_WORDS = frozenset(_ENGLISH.split() + _KOREAN.split())
"""These words say little about the subject of a question."""


def find_form_words(question: str) -> frozenset[str]:
    """Return the little words of a question. If it begins with one of them, the result also has that word after a ^,
    for example `^what`."""
    words = _WORD.findall(question[:_LOOKED_AT].casefold().replace("’", "'"))[:_MOST_WORDS]
    return LITTLE_WORDS.intersection(words) | {f"^{word}" for word in words[:1] if word in LITTLE_WORDS}
