"""The main text of a web page is found without the menus and notices around it."""

import pytest

from qa_service.files.parsed import PageSection, WebPage
from qa_service.files.webpage import extract_page

MENU = "".join(
    f'<li><a href="/{word}">{word}</a></li>' for word in ("Home", "Prices", "Support", "Careers", "기관소개")
)
TERMS = "The tenancy begins on the first day of the month and ends with three months' notice. " * 4


def text(html: str) -> str:
    return "\n".join(section.text for section in extract_page(html).sections)


def test_a_page_says_its_title_its_language_its_trail_and_its_sections() -> None:
    page = extract_page(
        f"<html lang=ko><head><title>여권 발급\n | 가온시</title></head><body><nav><ul>{MENU}</ul></nav>"
        "<div class=breadcrumb><a>홈</a> &gt; <a>민원 안내</a></div>"
        "<main>앞글<h1 id=top>여권 발급</h1><p>8일 안에 나옵니다.</p>"
        "<section id=fee><h2>수수료</h2>5만원</section></main></body></html>"
    )

    assert page == WebPage(
        "여권 발급 | 가온시",
        "ko",
        ("홈", "민원 안내"),
        (
            PageSection((), "", ("앞글",)),
            PageSection(("여권 발급",), "top", ("여권 발급\n8일 안에 나옵니다.",)),
            PageSection(("여권 발급", "수수료"), "fee", ("수수료\n5만원",)),
        ),
    )


@pytest.mark.parametrize(
    "around",
    [
        f"<header><ul>{MENU}</ul></header><main>@</main><footer>Careers</footer>",
        f"<div id=gnb><ul>{MENU}</ul></div><div id=content>@</div><div id=footer>Careers</div>",
        f"<table><tr><td colspan=2><ul>{MENU}</ul></td></tr><tr><td>@</td><td>{MENU}</td></tr></table>",
        f"<div role=navigation>{MENU}</div><div role=main>@</div><div class=cookie-banner>Careers</div>",
        f"<div class=x1>{MENU}</div><div class=x2>@</div><div class=x3>{MENU}</div>",
        f"<article>@</article><aside class=sidebar><p>Careers</p></aside><section class=related>{MENU}</section>",
    ],
)
def test_menus_margins_and_notices_are_left_out(around: str) -> None:
    html = around.replace("@", f"<h1>Rent</h1><p>{TERMS}</p><p>See the <a href=/fees>list of fees</a>.</p>")

    assert text(html).startswith("Rent\nThe tenancy")
    assert text(html).endswith("See the list of fees.")


def test_a_margin_within_an_article_belongs_to_it() -> None:
    html = f"<body><article><header><h1>Rent</h1></header><p>{TERMS}</p><aside>Keep the receipt.</aside></article>"

    assert text(html).endswith("Keep the receipt.")


@pytest.mark.parametrize(
    "html",
    [
        f"<header><ul>{MENU}</ul></header><main><h1>Forms</h1><ul>{'<li><a>Leave of absence</a></li>' * 9}</ul></main>",
        f"<div class=nav><ul>{MENU}</ul></div><div class=menu><h1>Menu</h1><p>Leave of absence</p></div>",
        "<nav><p>Leave of absence</p></nav>",
        f"<div id=header><ul>{MENU}</ul></div><p>Leave of absence</p><div class=footer><ul>{MENU}</ul>02-000</div>",
    ],
)
def test_a_page_never_loses_all_of_its_text(html: str) -> None:
    assert "Leave of absence" in text(html)


def test_what_a_button_or_a_link_opens_is_read_and_what_stays_hidden_is_not() -> None:
    html = (
        "<main><button aria-controls='a b'>Q</button><p id=b hidden>Within 14 days.</p><p hidden>never</p>"
        "<a href='#c'>More</a><div id=c style='display:none'>Ten years.</div></main>"
    )

    assert text(html) == "Q\nWithin 14 days.\nMore\nTen years."


def test_a_link_to_a_section_leads_to_the_nearest_id_before_its_heading_or_in_it() -> None:
    html = (
        "<body><div id=far><p>text</p><h1>none</h1></div><a name=old></a><h2>near</h2><p id=p>x</p><h2 id=own>own</h2>"
        "<h2><a id=within></a>in</h2><section id=s><div><h3>part</h3>"
    )

    anchors = {section.headings[-1]: section.anchor for section in extract_page(html).sections if section.headings}

    assert anchors == {"none": "", "near": "old", "own": "own", "in": "within", "part": "s"}


@pytest.mark.parametrize("html", ["", "<html></html>", "<frameset><frame src=a></frameset>", "<p hidden>x"])
def test_a_page_without_text_has_no_sections(html: str) -> None:
    assert extract_page(html).sections == ()
