"""This module finds cues: words by which a question announces a new topic, or refers to what was said before."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

Announcement: TypeAlias = Literal["none", "aside", "new subject"]
"""An `aside` may stay in the subject ("by the way, the price?"). A `new subject` says that it doesn't."""

_LOOKED_AT = 2000
"""At most this many characters of a question are searched for cues."""

TIES = ("pronoun", "demonstrative", "back", "joining", "more", "transform", "doubt")
"""These cues refer to what was said before."""

# `_NEW_SUBJECT`, `_ASIDE`, `_RETURN` and each of the `_CUES` have a part of a pattern for English, one for Korean and
# one for other languages. A Korean cue is found only where no syllable stands before it. 그 is also the beginning of
# 그래프 and 그룹, so it counts only as a word of its own, or with an ending that makes it a pronoun. Of other languages
# there are only a few words, so that frequent follow-ups in these languages stay in their topic.
_NEW_SUBJECT = (
    r"unrelatedly|unrelated(?=[:,.!-]| (?:question|topic|note))|not related(?=[:,.!-])|off[- ]topic"
    r"|(?:on )?(?:a|another|one) (?:(?:totally|completely|entirely) )?(?:different|separate|unrelated) note"
    "|on another note|(?:(?:totally|completely|entirely) )?(?:different|separate) (?:thing|matter|issue)(?=[:,.!-])"
    "|(?:a |one |have )(?:different|separate|new|another|other|unrelated) (?:question|topic|subject|matter)"
    r"|another (?:topic|subject|matter)|(?:different|separate|new|next|other) (?:question|topic|subject)(?=[:,.!-])"
    "|(?:let'?s|let me|to|i(?:'ll| will)) (?:change|switch) (?:the )?(?:topics?|subjects?)|(?:moving|going) on to"
    "|chang(?:ing|e of) (?:the )?(?:topics?|subjects?|tack)|switch(?:ing)? (?:gears|topics|subjects)"
    "|something (?:(?:completely|totally|entirely) )?(?:else|different)(?=[:,.!-])"
    "|something (?:completely|totally|entirely) (?:else|different)|let'?s talk about",
    "여담(?:인데|이지만|으로)|(?:화제|주제)[를을]? ?(?:바꿔|바꾸|전환|돌려|돌리)|뜬금없"
    "|(?:이건 |이거 |좀 |완전히? |전혀 |아예 )?(?:다른|별개의?|새로운|새|딴) ?(?:질문|주제|얘기|얘긴|이야기|문의|화제"
    "|걸? ?물어|거 ?(?:물어|하나))(?:인데요?|데요?|이에요|입니다|이요|요|이 있(?:는데요?|어요?)|를|을|로)?"
    "|(?:이건 |이거 )?(?:관련|상관)은? ?없(?:지만|는 ?(?:질문|주제|얘기|이야기|건데|거지만))"
    "|(?:이(?:것|거)와는? )?별개로",
    "話は変わ|別の質問|换个话题|另一个问题|andere frage|anderes thema|otra pregunta|cambiando de tema|другой вопрос"
    "|autre question|changeons de sujet",
)
"""With these words a question says that it is about another subject."""
_ASIDE = (
    r"by the way|btw|anyway(?=[:,.!])|moving on(?=[:,.!-])|forget (?:about )?(?:that|it|this)|that aside"
    r"|another question|(?:just )?out of curiosity|while i(?:'m| am) (?:here|at it)|before i forget"
    "|(?:that|this) reminds me|(?:i )?just (?:remembered|thought of)|quick question",
    "그건 그렇고|그나저나|그건 됐고|그 얘긴? 그만|아 ?참[,!. ]|참[,!] |갑자기 (?:궁금|생각|든 생각|떠올|물어)[가-힣]*"
    "|(?:근데|그런데) 갑자기|문득 (?:궁금|생각)[가-힣]*|생각난 ?김에|온 ?김에|그 ?전에(?=[, ])"
    "|(?:하나|한 ?가지) ?더 ?물어[가-힣]*",
    "ところで|话说|顺便|übrigens|por cierto|кстати|au fait",
)
"""These words turn aside from what was said, as people also do within a subject."""
_RETURN = (
    "(?:go|going|come|coming|get|getting|went|return|returning) back to"
    "|(?:back|return|returning) to (?:the|my|our|what|that|this|your)|back on "
    "|(?:as|like) (?:i|we|you) (?:asked|said|mentioned|discussed) (?:before|earlier)"
    "|(?:asked|talked|spoke|discussed) [^.,?!]{0,30}(?:before|earlier)|(?:the|my|our|that) earlier"
    "|(?:the|my|our) (?:first|previous) (?:question|topic|subject|thing)|about the [^.,?!]{1,30} again",
    "아까|돌아가(?:서|면)|다시 [가-힣 ]{1,20}(?:얘기|이야기|질문|건|관련)|앞서|앞에서|처음에? ?(?:물어|말|질문|얘기)"
    "|전에 (?:물어|말|질문|얘기)|원래 (?:질문|얘기|이야기|주제)|얘기로|이야기로|주제로",
    "さっき|先ほど|刚才|回到|zurück zu|volviendo a|вернёмся",
)
_CUES: Mapping[str, tuple[str, str, str]] = {
    "pronoun": (
        "it|its|they|them|their|theirs|he|him|his|she|her|hers|these|those|itself|themselves",
        r"(?:그|이|저)(?:거|것|건|게|걸|들|분|때|곳|쪽|중)(?![가-힣]*시판)|그녀|그(?=\s)|(?:거|여|저)기(?:서"
        "|에|는|도|까지|로)?(?![가-힣])|거긴|여긴|이 ?(?:사람|회사|나라|방법|경우|기능|제품|제도|문서|파일|책"
        "|영화|도시|용어|개념|부분|문제|값)",
        r"それ|これ|その|この|彼|它|他|她|这|那|其|er|ihm|ihn|ihr|ihre[nrms]?|seine?[nrms]?|dies\w*|davon"
        "|daran|dazu|él|ella|ellos|eso|esto|esta|ese|он|она|оно|они|его|её|их|этот?|эта|эти|этого|этом",
    ),
    "demonstrative": (
        r"this|that(?! (?:is|are|was|were|can|have|has|will)\b)|such|here|there(?! (?:is|are|any|was|were)\b)",
        r"이런|그런|저런|이렇게|그렇게|이러한|그러한|이(?=\s)",
        "そんな|こんな|そう|こう|ここ|そこ|这样|那样|这里|那里|dort|así|allí|так|там|тут",
    ),
    "back": (
        "above|previous(?:ly)?|earlier|mentioned|you (?:said|just|listed|gave|described|suggested|recommended"
        "|wrote|provided|mean)|the (?:former|latter|same|others?|rest)|the (?:first|second|third|last|two"
        "|three)(?: ones?)?|ones|(?:your|last|the) (?:answer|response|reply|list|suggestions?"
        "|recommendations?|explanation)",
        "위의|위에|위 |앞의|앞에서|앞서|방금|아까|이전|말씀하신|말씀해|말한|언급|말했|알려준|알려주신|추천한"
        "|추천해준|설명한|해당|둘 ?중|나머지|전자|후자",
        r"上記|上の|先ほど|さっき|前の|上述|上面|刚才|前面|oben|vorher|anterior|arriba|выше|предыдущ\w*",
    ),
    "joining": (
        "what about|how about|what if|and what|and how|and why|also|as well|too|instead|besides|still|again|even",
        r"그럼|그러면|그렇다면|그런데|근데|그리고|그래서|그래도|그러니까|그치만|하지만|혹시|또(?=\s|는)|반대로"
        "|대신|역시|만약|아니면",
        "では|じゃあ|それで|また|なぜ|那么|那|还|也|为什么|und|aber|warum|auch|denn|pero|también|entonces"
        "|por qué|и|а|но|тогда|почему|ещё|еще",
    ),
    "more": (
        "tell me more|more about|more (?:details?|examples?|info|information|ideas?|options?)|any other"
        "|anything else|what else|who else|another|others?|else|continue|go on|further|alternatives?|(?:for"
        "|an|give) examples?",
        r"더(?=\s)|좀 더|추가로|계속|이어서|다른 ?(?:건|것|거|방법|예|종류|곳|기능)|예를 들|예시|예는",
        r"もっと|続け|他に|例え|例を|更多|继续|举例|举个|mehr|weitere?|beispiel\w*|más|ejemplos?|больше"
        r"|подробнее|пример\w*",
    ),
    "transform": (
        "summari[sz]e|shorten|shorter|longer|rewrite|rephrase|reword|revise|edit|translate|elaborate|expand"
        "|simplify|simpler|briefly|in (?:english|korean|japanese|one sentence|a table|more detail|detail"
        "|bullet points?|simple terms)|as (?:a )?(?:table|list|bullets?|bullet points?|json|csv|markdown)"
        "|re-?format|convert|modify|adjust|double[- ]check|make it",
        "요약|정리|번역|표로|목록으로|한 ?줄로|한 ?문장|짧게|길게|쉽게|쉬운 말|간단히|간단하게|자세히"
        "|자세하게|구체적으로|다시|(?:영어|한국어|한글|영문|일본어|존댓말)로|바꿔|고쳐|수정해|줄여|늘려|덧붙"
        "|추가해|써 ?줘|단계별로",
        r"要約|翻訳|短く|詳しく|簡単に|言い換え|総括|总结|翻译|简短|简单|详细|概括|zusammenfass\w*|fasse?"
        r"|kürzer|übersetz\w*|genauer|resumen|resumir|resúmelo|tradúcelo|traducir|más corto|detalles?|кратко"
        r"|короче|перевед\w+|подытож\w*",
    ),
    "doubt": (
        "are you sure|is (?:that|this|it) (?:true|right|correct)|really|i (?:think|believe|thought|heard"
        "|read)|actually|wait|hmm+|you'?re (?:wrong|right)",
        "정말|진짜|확실|맞아|맞나|맞는|틀린|아닌데|아니야|잠깐|잠시만|음+[,.…]",
        "本当|真的|确定|wirklich|sicher|seguro|de verdad|точно|правда",
    ),
    "reply": (
        "and|but|so|or|then|because|alright|i understand|ok(?:ay)?|yes|yeah|yep|no|nope|sure|thanks?"
        "|thank you|great|good|nice|perfect|wow|oh|ah|i see|got it|cool|interesting|right|well|hey|hi|hello",
        "네|예|응|어|아|오|고마워|감사|좋아|알겠|아니",
        "はい|いいえ|ありがとう|是的|好的|不是|谢谢|ja|nein|danke|sí|gracias|да|нет|спасибо",
    ),
    "why": (
        "why|how come|how so|for example|which (?:one|ones|of)|what kind|how much|how many|how long|when|where",
        "왜|어째서|어떻게|언제|어디|누가|누구|얼마|몇|어느|무슨|이유",
        "いつ|どこ|誰|いくら|什么时候|哪里|谁|多少|wann|wo|wer|cuándo|dónde|quién|когда|где|кто",
    ),
    "task": (
        "write|create|generate|compose|draft|design|develop|implement|solve|calculate|imagine|suppose|assume"
        "|given|act as|pretend|you are|identify|classify|list|provide|suggest|recommend|discuss|analy[sz]e"
        "|evaluate|compare",
        "작성|만들어|생성|설계|구현|풀어|계산|가정|상상|분석|평가|비교|분류|추천해|제안해",
        r"書いて|作成|写一|创建|设计|schreib\w*|escrib\w+|напиши\w*",
    ),
    "self": (
        "i|my|me|mine|i'm|i've|i'd|we|our",
        "나는|내가|나의|내 |제가|저는|저의|제 |우리|나도|내게|저도",
        r"私|我|ich|mein\w*|yo|я|мой",
    ),
}


def _compiled(english: str, korean: str, other: str) -> tuple[re.Pattern[str], ...]:
    """Make a pattern for each of `_LETTERS`. They expect lower case, since patterns that ignore case are far slower."""
    parts = other.split("|")
    spaced = "|".join([english, *(part for part in parts if part[0] < "\u3040")])
    dense = "|".join(part for part in parts if part[0] >= "\u3040")
    return re.compile(rf"\b(?:{spaced})\b"), re.compile(rf"(?<![가-힣])(?:{korean})"), re.compile(dense)


# These patterns find a letter of a script with spaces between words, a Korean syllable, and a Japanese or Chinese
# character. Most texts have only one of these, so only one of a cue's patterns is searched for.
_LETTERS = tuple(map(re.compile, (r"[^\W\d_\u3040-\U0010ffff]", "[가-힣]", "[\u3040-\u9fff]")))
_PATTERNS = MappingProxyType({name: _compiled(*words) for name, words in _CUES.items()})
_ANNOUNCEMENTS: Mapping[Announcement, tuple[re.Pattern[str], ...]] = {
    "new subject": _compiled(*_NEW_SUBJECT),
    "aside": _compiled(*_ASIDE),
}
_RETURNS = _compiled(*_RETURN)


def remove_announcement(question: str) -> tuple[str, Announcement]:
    """Return the question, cut to `_LOOKED_AT`, without the first words that announce another subject, and how clearly
    they do."""
    text = question[:_LOOKED_AT]
    for announcement, patterns in _ANNOUNCEMENTS.items():
        if found := _find_first(patterns, _lowered(text)):
            return f"{text[: found.start()]} {text[found.end() :]}", announcement
    return text, "none"


def _find_first(patterns: tuple[re.Pattern[str], ...], lowered: str) -> re.Match[str] | None:
    matches = [match for script in _scripts(lowered) if (match := patterns[script].search(lowered))]
    return min(matches, key=re.Match.start, default=None)


def announces_return(question: str) -> bool:
    """Tell whether the question says that it comes back to something that was talked about before the last subject."""
    return _find_first(_RETURNS, _lowered(question[:_LOOKED_AT])) is not None


def find_cues(question: str) -> dict[str, int]:
    """Return the cues of a question. The result maps the name of a cue to the index at which it first begins."""
    lowered = _lowered(question[:_LOOKED_AT])
    scripts, found = _scripts(lowered), dict[str, int]()
    for name, patterns in _PATTERNS.items():
        starts = [match.start() for script in scripts if (match := patterns[script].search(lowered))]
        if starts:
            found[name] = min(starts)
    return found


def _lowered(text: str) -> str:
    """Return the text in lower case, without moving any letter. The capital İ would become two letters, so it is
    replaced."""
    return text.replace("İ", "I").lower()


def _scripts(text: str) -> list[int]:
    return [script for script, letters in enumerate(_LETTERS) if letters.search(text)]
