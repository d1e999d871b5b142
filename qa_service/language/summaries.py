"""This module tells whether a question asks for a summary of a whole file."""

import re

# A file as a whole is meant by its name alone: "이 파일", "the document". Where something of it is named too, the
# question is about that part: "환불 규정을 요약해 줘", "summarize the refund rules".
_WHICH_KO = "(?:(?:이|그|저|위|첨부한?|올린|업로드한|보낸|방금|전체|해당) ?)*+"
_FILE_KO = rf"{_WHICH_KO}(?:파일|문서|자료|첨부|pdf|논문|보고서|글|내용|책|발표)(?:들|의)? ?"
_OF_KO = "(?:전체|전부|전반|주요|핵심)? ?(?:내용)?(?:을|를|에는|에서|에|은|는|이|가|의)? ?"
_HOW_KO = "(?:(?:좀|간단히|간략히|짧게|다시|한 ?줄로|세 ?줄로|모두|다) )*+"
_MATTER_KO = (
    r"(?:줄거리|(?:주요|핵심|전체) ?내용|요지|개요|(?:어떤|무슨) (?:내용|파일|문서|자료)|뭐|뭔|무엇|어떤 것)"
    r"(?:\S{0,8}|이? ?(?:있|들어|담|적|쓰)\S{0,8})"
)
_MAIN_KO = (
    r"(?:주요|핵심|전체) ?내용\S{0,3} ?(?:이|은)? ?(?:(?:알려|정리|설명|말해|뭐|무엇)\S{0,6})?(?: ?(?:줘|주세요))?"
)
_WHICH_EN = "(?:(?:these|the|that|those|my|all|attached|uploaded|whole|entire|of|this(?= \\w)) )*+"
_FILE_EN = rf"{_WHICH_EN}(?:files?|documents?|pdfs?|papers?|reports?|attachments?|texts?|it|this|everything)\b"
_POLITE_EN = "(?:(?:please|can|could|would|you|give|me|a|an|the|short|brief|quick|write) )*+"
_SUMMARY_EN = r"(?:summar\w{1,8}|overview|tl;?dr|(?:main|key) (?:points?|ideas?))"
_HOW_EN = r"(?: (?:for me|please|briefly|in \w{1,9} (?:sentences?|words?|lines?|points?)))*+"
_POINTS_EN = "(?:the )?(?:main|key) (?:points?|ideas?) (?:of|in) "
_ABOUT_EN = "(?: (?:about|say|contain|cover|all about))?"
_SUMMARY = re.compile(
    rf"(?:{_FILE_KO})?{_OF_KO}{_HOW_KO}(?:요약|간추려|정리)(?:해|하|을|좀|본|문|이| |\Z).{{0,12}}"
    rf"|{_FILE_KO}{_OF_KO}{_MATTER_KO}"
    rf"|{_MAIN_KO}"
    rf"|{_POLITE_EN}{_SUMMARY_EN}(?: (?:(?:of|for|from|in) )?{_FILE_EN})?{_HOW_EN}"
    rf"|what(?:'s| (?:is|are|does|do)) (?:in |{_POINTS_EN})?{_FILE_EN}{_ABOUT_EN}",
    re.IGNORECASE,
)
_SIGNS = " ?!.,~…'\"“”‘’？！。"
_LOOKED_AT = 120
"""A question that is longer than this many characters names something."""


def asks_for_summary(question: str) -> bool:
    """Tell whether the question asks for a summary where the file itself is the object."""
    said = " ".join(question.split()).strip(_SIGNS)
    return len(said) <= _LOOKED_AT and bool(_SUMMARY.fullmatch(said))
