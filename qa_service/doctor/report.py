"""This module writes what an examination has found: for people, and as JSON for programs."""

from collections.abc import Mapping, Sequence
from textwrap import shorten

import msgspec
from msgspec import Struct

from qa_service.doctor.findings import Finding, Gravity
from qa_service.model import Language
from qa_service.terminal import make_printable

_LABELS: Mapping[Language, Mapping[Gravity, str]] = {
    "en": {"good": "ok", "advice": "note", "wrong": "wrong"},
    "ko": {"good": "정상", "advice": "참고", "wrong": "문제"},
}
ENDS: Mapping[Language, tuple[str, str]] = {
    "en": ("Nothing is wrong on this route.", "Wrong on this route: {count}."),
    "ko": ("이 경로에는 문제가 없습니다.", "이 경로의 문제: {count}개."),
}

LONGEST_SENTENCE = 1_000


class ReportedFinding(Struct, frozen=True):
    """A `ReportedFinding` is a finding as JSON has it."""

    code: str
    gravity: Gravity
    sentence: str
    mend: Mapping[str, str]
    facts: Mapping[str, str | int | float]


class ExaminationReport(Struct, frozen=True):
    """An `ExaminationReport` is the whole examination as JSON has it."""

    url: str
    ok: bool
    findings: tuple[ReportedFinding, ...]


def write_finding(finding: Finding, language: Language, servers: str = "") -> str:
    """Write one finding for a terminal: its sentence, and below it the lines that mend it."""
    label = _LABELS[language][finding.gravity]
    mends = {} if finding.gravity == "good" else finding.list_mends(servers)
    width = max(map(len, mends), default=0)
    # A sentence may quote what a server has said, which must not look like another finding.
    lines = [f"{label:6}{shorten(finding.write_sentence(language), LONGEST_SENTENCE, placeholder=' …')}"]
    lines += [f"        {name:{width}}  {line}" for name, line in mends.items()]
    return make_printable("\n".join(lines)) + "\n"


def write_end(findings: Sequence[Finding], language: Language) -> str:
    """Write the last line."""
    good, bad = ENDS[language]
    wrong = count_wrong(findings)
    return (bad.format(count=wrong) if wrong else good) + "\n"


def write_json(url: str, findings: Sequence[Finding], language: Language, servers: str = "") -> str:
    """Write the whole examination as one JSON object."""
    reported = tuple(
        ReportedFinding(each.code, each.gravity, each.write_sentence(language), each.list_mends(servers), each.facts)
        for each in findings
    )
    report = ExaminationReport(url, not count_wrong(findings), reported)
    return make_printable(msgspec.json.format(msgspec.json.encode(report)).decode()) + "\n"


def count_wrong(findings: Sequence[Finding]) -> int:
    """Count the findings that break answers."""
    return sum(finding.gravity == "wrong" for finding in findings)
