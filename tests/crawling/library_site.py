"""This module has the website of a public library that doesn't exist: 60 pages in Korean and English, with menus,
tables and PDFs."""

from tests.crawling.websites import WebPage, Website, html
from tests.documents import pdf

TOPICS = (
    ("reading-room", "열람실", "the reading room"),
    ("meeting-room", "회의실", "the meeting room"),
    ("archive", "보존 서고", "the archive"),
    ("braille", "점자 자료실", "the braille collection"),
    ("children", "어린이 자료실", "the children's library"),
    ("e-books", "전자책", "electronic books"),
    ("interlibrary", "상호 대차", "interlibrary loans"),
    ("delivery", "택배 대출", "home delivery"),
    ("reservations", "도서 예약", "reservations"),
    ("wishes", "희망 도서 신청", "purchase requests"),
    ("overdue", "연체", "overdue books"),
    ("lost", "도서 분실", "lost books"),
    ("cards", "회원증 재발급", "replacement cards"),
    ("families", "가족 회원", "family membership"),
    ("tours", "단체 견학", "group tours"),
    ("volunteers", "자원봉사", "volunteering"),
    ("donations", "도서 기증", "donations"),
    ("copies", "복사", "photocopies"),
    ("printing", "인쇄", "printing"),
    ("scanning", "스캔", "scanning"),
    ("wireless", "무선 인터넷", "wireless internet"),
    ("parking", "주차장", "parking"),
    ("bicycles", "자전거 대여", "bicycle rental"),
    ("cafeteria", "구내식당", "the cafeteria"),
    ("lockers", "물품 보관함", "lockers"),
    ("courses", "문화 강좌", "evening courses"),
    ("clubs", "독서 모임", "book clubs"),
    ("films", "영화 상영", "film screenings"),
)
PAGES = 2 * len(TOPICS) + 4
PDF_KO, PDF_EN = "/files/rules-ko.pdf", "/files/rules-en.pdf"
_MENU = "".join(f'<li><a href="/ko/{slug}">{name}</a></li>' for slug, name, _ in TOPICS[:12])
_MENU_EN = "".join(f'<li><a href="/en/{slug}">{name.capitalize()}</a></li>' for slug, _, name in TOPICS[:12])


def fee(number: int) -> int:
    """Return what the topic with this number costs, which no other topic does."""
    return 1_300 + 170 * number


def korean_page(number: int, price: int | None = None) -> WebPage:
    """Return the page of a topic in Korean."""
    slug, name, _ = TOPICS[number]
    body = (
        f"<h1>{name} 이용 안내</h1><p>{name} 문의는 {200 + number}호 창구에서 받습니다.</p>"
        f'<h2 id="fees">요금</h2><p>{name} 이용 요금은 {price or fee(number):,}원입니다.</p>'
        f"<table><tr><th>구분</th><th>요금</th></tr><tr><td>일반 회원</td><td>{price or fee(number):,}원</td></tr>"
        f"<tr><td>청소년 회원</td><td>무료</td></tr></table>"
        f'<h2 id="days">쉬는 날</h2><p>{name} 담당자는 매월 {number + 1}일에 쉽니다.</p>'
    )
    return _page("ko", f"{name} | 새벽시립도서관", body, f'<a href="/en/{slug}" hreflang="en">English</a>')


def english_page(number: int) -> WebPage:
    """Return the page of a topic in English."""
    slug, _, name = TOPICS[number]
    body = (
        f"<h1>About {name}</h1><p>Questions about {name} are answered at desk {200 + number}.</p>"
        f'<h2 id="fees">Fees</h2><p>The fee for {name} is {fee(number):,} won.</p>'
        f"<table><tr><th>Group</th><th>Fee</th></tr><tr><td>Members</td><td>{fee(number):,} won</td></tr></table>"
        f'<h2 id="days">Closed</h2><p>The desk for {name} is closed on day {number + 1} of each month.</p>'
    )
    return _page(
        "en", f"{name.capitalize()} | Dawn City Library", body, f'<a href="/ko/{slug}" hreflang="ko">한국어</a>'
    )


def library_site() -> Website:
    """Return the site, whose server tells the version of each page."""
    pages = {f"/ko/{slug}": korean_page(number) for number, (slug, _, _) in enumerate(TOPICS)}
    pages |= {f"/en/{slug}": english_page(number) for number, (slug, _, _) in enumerate(TOPICS)}
    lists = {
        "ko": "".join(f'<li><a href="/ko/{slug}">{name}</a></li>' for slug, name, _ in TOPICS),
        "en": "".join(f'<li><a href="/en/{slug}">{name}</a></li>' for slug, _, name in TOPICS),
    }
    pages["/"] = _page(
        "ko",
        "새벽시립도서관",
        f'<h1>새벽시립도서관</h1><p>시민 누구나 이용합니다.</p><p><a href="/ko/guide">전체 안내</a> '
        f'<a href="{PDF_KO}">운영 규정</a></p>',
        '<a href="/en/">English</a>',
    )
    pages["/en/"] = _page(
        "en",
        "Dawn City Library",
        f'<h1>Dawn City Library</h1><p>Open to everybody.</p><p><a href="/en/guide">All services</a> '
        f'<a href="{PDF_EN}">House rules</a></p>',
        '<a href="/">한국어</a>',
    )
    pages["/ko/guide"] = _page(
        "ko", "전체 안내", f"<h1>전체 안내</h1><p>모든 안내입니다.</p><ul>{lists['ko']}</ul>", ""
    )
    pages["/en/guide"] = _page(
        "en", "All services", f"<h1>All services</h1><p>This is all.</p><ul>{lists['en']}</ul>", ""
    )
    rules = "도서관 안에서는 반려동물을 데리고 다닐 수 없습니다. 다만 안내견은 들어올 수 있습니다."
    pages[PDF_KO] = WebPage(pdf(["운영 규정\n제1조 목적을 정한다.", rules]), "application/pdf")
    english = "Musical instruments may only be played in the soundproof studio."
    pages[PDF_EN] = WebPage(pdf(["House rules\nThese rules hold for everybody.", english]), "application/pdf")
    return Website(pages, etags=True)


def _page(language: str, title: str, body: str, other: str) -> WebPage:
    menu, home = (_MENU, "처음") if language == "ko" else (_MENU_EN, "Home")
    page = html(
        f'<header><a href="/">새벽시립도서관</a> {other}</header><nav><ul>{menu}</ul></nav>'
        f'<main><nav class="breadcrumb"><a href="/">{home}</a></nav>{body}</main>'
        f"<footer>새벽시 강변로 12 · 02-555-0100</footer>",
        f"<meta charset=utf-8><title>{title}</title>",
    )
    return WebPage(page.content.replace(b"<html>", f'<html lang="{language}">'.encode()))
