"""This module is the command `doctor`: it examines a route and prints what it finds."""

import argparse
import sys

from qa_service.doctor.examination import Examination, ExaminationPlan
from qa_service.doctor.findings import Finding
from qa_service.doctor.progress import ProgressLine
from qa_service.doctor.report import count_wrong, write_end, write_finding, write_json
from qa_service.doctor.route import read_route
from qa_service.exits import INTERRUPTED
from qa_service.settings import Settings
from qa_service.system_variables import terminal_language


def examine_route(settings: Settings, options: argparse.Namespace, plan: ExaminationPlan | None = None) -> None:
    """Examine the route to `options.url`, and print what is found. The process exits with 1 where something is wrong,
    and with 130 after Ctrl-C, when all that was found until then has been printed."""
    plan = plan or ExaminationPlan(quiet=options.seconds, body=options.body)
    language, findings = terminal_language(), list[Finding]()
    line = ProgressLine(sys.stderr, language)
    examination = Examination(
        read_route(options.url, tuple(options.header)),
        plan,
        usual_prefix=settings.prefix,
        tell=line.begin_step,
        notice=line.count_frame,
    )
    interrupted = False
    try:
        for finding in examination.list_findings():
            findings.append(finding)
            if not options.json:
                line.clear()
                print(write_finding(finding, language, examination.servers), end="", flush=True)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        line.erase_line()
    if options.json:
        print(write_json(examination.route.url, findings, language, examination.servers), end="")
    else:
        print(write_end(findings, language), end="")
    if interrupted or count_wrong(findings):
        sys.exit(INTERRUPTED if interrupted else 1)
