"""This module has examinations of routes, and the codes of what they find on a good one."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from qa_service.doctor.examination import Examination, ExaminationPlan
from qa_service.doctor.findings import Finding
from qa_service.doctor.route import read_route

GOOD = ["reached", "streamed", "refusals_kept", "body_arrived", "kept_open"]


def instead(**changed: str | None) -> list[str]:
    """Return the codes of a good route, where some stand for others, and those that are None are missing."""
    return [code for old in GOOD if (code := changed.get(old, old))]


def among(code: str, after: str = "streamed") -> list[str]:
    """Return the codes of a good route, with one more behind another."""
    place = GOOD.index(after) + 1
    return [*GOOD[:place], code, *GOOD[place:]]


def examine(url: str, plan: ExaminationPlan, headers: tuple[tuple[str, str], ...] = ()) -> list[Finding]:
    """Examine a route, and return all findings."""
    route = read_route(url, headers)
    examination = Examination(route, plan, usual_prefix="/api", tell=lambda *_: None, notice=lambda _: None)
    return list(examination.list_findings())


def examine_all(ports: Mapping[str, int], plan: ExaminationPlan, key: str) -> dict[str, list[Finding]]:
    """Return the findings of routes on this machine, which are examined at the same time. Each is examined for another
    user, because the service streams only a few probes at once to one caller. `key` is that of a server."""

    def examine_one(number: int, port: int) -> list[Finding]:
        headers = (("Authorization", f"Bearer {key}"), ("X-User-Id", f"examiner-{number}"))
        return examine(f"http://127.0.0.1:{port}/api", plan, headers)

    with ThreadPoolExecutor(len(ports)) as pool:
        return dict(zip(ports, pool.map(examine_one, range(len(ports)), ports.values()), strict=True))


def codes(findings: Sequence[Finding]) -> list[str]:
    return [finding.code for finding in findings]
