"""Mails, saved pages and Outlook's messages are read with their attachments."""

import base64
import time
from codecs import BOM_UTF8
from contextlib import suppress
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from qa_service.errors import Unreadable
from qa_service.files.mail import read_mail, read_saved_page
from qa_service.files.outlook import read_message
from qa_service.files.reading import read_file
from qa_service.files.segment import RawFile, Segment
from qa_service.files.sniffing import sniff_kind
from qa_service.model import UploadedFile
from tests import documents
from tests.compound import message_folder, outlook_message


def mail(text: str = "보증 기간은 24개월입니다.\n") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "김철수 <kim@example.org>", "ann@example.org"
    message["Subject"], message["Date"] = "보증 안내", "Mon, 03 Aug 2026 10:00:00 +0900"
    message.set_content(text)
    return message


def read(message: Message | bytes) -> list[Segment]:
    return list(read_mail(RawFile(message if isinstance(message, bytes) else message.as_bytes())))


def joined(segments: list[Segment]) -> str:
    return "".join(segment.text for segment in segments)


class TestMail:
    def test_the_first_page_has_the_headers_and_the_text(self) -> None:
        segments = read(mail())

        assert joined(segments) == (
            "From: 김철수 <kim@example.org>\nTo: ann@example.org\nDate: Mon, 03 Aug 2026 10:00:00 +0900\n"
            "Subject: 보증 안내\n\n보증 기간은 24개월입니다.\n\n"
        )
        assert {(segment.page, segment.section) for segment in segments} == {(1, "보증 안내")}

    @pytest.mark.parametrize("before", [BOM_UTF8, b"From kim@example.org Mon Aug  3 10:00:00 2026\n"])
    def test_what_programs_write_before_the_headers_is_no_part_of_them(self, before: bytes) -> None:
        content = before + mail().as_bytes()

        assert sniff_kind(content, "a") == "eml"
        assert read(content) == read(mail())

    @pytest.mark.parametrize("charset", ["euc-kr", "utf-8", "iso-2022-kr"])
    def test_the_charset_of_the_text_is_the_one_that_its_part_names(self, charset: str) -> None:
        assert "보증 기간" in joined(read(MIMEText("보증 기간", "plain", charset)))

    @pytest.mark.parametrize(
        "subject",
        [
            b"=?euc-kr?B?" + base64.b64encode("보증 안내".encode("cp949")) + b"?=",
            b'"=?utf-8?B?'
            + base64.b64encode("보증".encode())
            + b"?= =?utf-8?B?"
            + base64.b64encode(" 안내".encode())
            + b'?="',
            "보증 안내".encode("cp949"),
            "보증 안내".encode(),
            b"=?utf-8?Q?" + b"".join(b"=%02X" % byte for byte in "보증 안내".encode()) + b"?=",
        ],
    )
    def test_a_subject_is_read_however_it_is_encoded(self, subject: bytes) -> None:
        content = b"From: a@b\r\nDate: Mon\r\nSubject: " + subject + b"\r\n\r\nhello\r\n"

        assert "Subject: 보증 안내\n" in joined(read(content)).replace('"', "")

    def test_of_several_forms_of_the_text_the_richest_is_read(self) -> None:
        message = mail("plain")
        message.add_alternative("<table><tr><td>서울</td><td>1,200</td></tr></table>", subtype="html")

        assert joined(read(message)).endswith("\n\n서울 | 1,200\n\n")

    def test_lines_that_a_mail_program_broke_are_whole_again(self) -> None:
        flowed = MIMEText("The deposit is \n350 euros.\n> a \n> b\n")
        flowed.set_param("format", "flowed")

        assert "The deposit is 350 euros.\n> a \n> b" in joined(read(flowed))

    def test_attachments_are_read_by_the_readers_of_their_kinds_and_named(self) -> None:
        message = mail()
        message.add_attachment("이름,부서\n김철수,총무과\n".encode("cp949"), "text", "csv", filename="명단.csv")
        message.add_attachment(documents.pdf(["One", "Two"]), "application", "pdf", filename="a.pdf")

        segments = read(message)

        places = [(segment.page, segment.place.part, segment.place.page) for segment in segments]
        assert places == [(1, "", 0), (1, "", 0), (2, "명단.csv", 0), (3, "a.pdf", 1), (4, "a.pdf", 2)]
        assert "총무과" in segments[2].text
        assert "Attachments: 명단.csv, a.pdf" in segments[0].text
        assert not any(segment.paged for segment in segments)

    def test_an_attached_picture_is_kept_beside_the_text(self) -> None:
        message = mail("the receipt")
        message.add_attachment(documents.png(), "image", "png", filename="영수증.png")
        reports = list(read_file(UploadedFile("a.eml", "", 0), bytes(message)))
        assert [report.picture.described.name for report in reports if report.picture] == ["영수증.png"]
        assert (reports[-1].verdict.status, reports[-1].verdict.unread_pages) == ("used", ())

    def test_a_mail_within_a_mail_is_read_with_its_own_attachments(self) -> None:
        inner, outer = mail("inner"), mail("outer")
        inner.add_attachment(b"deep text", "text", "plain", filename="deep.txt")
        outer.add_attachment(inner)

        assert [segment.place.part for segment in read(outer) if "deep text" in segment.text] == ["보증 안내/deep.txt"]

    @pytest.mark.parametrize(
        ("content", "kind", "reason"),
        [(b"\x00\x01\x02" * 9, "octet-stream", "unsupported"), (b"%PDF-1.7 broken", "pdf", "damaged")],
    )
    def test_an_attachment_that_cannot_be_read_is_said_and_spoils_no_other(
        self, content: bytes, kind: str, reason: str
    ) -> None:
        message = mail()
        message.add_attachment(content, "application", kind, filename="x.bin")
        message.add_attachment(b"last", "text", "plain", filename="last.txt")

        places = [(segment.page, segment.place.part, segment.unread) for segment in read(message)]

        assert places == [(1, "", ""), (1, "", ""), (2, "x.bin", reason), (3, "last.txt", "")]

    def test_a_photo_within_the_text_is_read(self) -> None:
        message = mail()
        message.add_related(documents.png() + bytes(10_000), "image", "png", cid="<photo>", filename="IMG_1.png")
        message.make_mixed()
        assert [segment.place.part for segment in read(message) if segment.picture] == ["IMG_1.png"]

    def test_logos_within_the_text_and_signatures_are_no_attachments(self) -> None:
        message = mail()
        message.add_related(b"\x89PNG\r\n\x1a\n", "image", "png", cid="<logo>")
        message.make_mixed()
        message.attach(MIMEText("x", "pgp-signature"))
        message.get_payload()[-1].replace_header("Content-Type", "application/pgp-signature")

        assert "Attachments" not in joined(read(message))

    def test_an_encrypted_mail_is_said_to_be_encrypted(self) -> None:
        message = MIMEMultipart("encrypted")
        message["Subject"] = "secret"

        assert [segment.unread for segment in read(message)] == ["", "encrypted"]

    @pytest.mark.parametrize(
        "content",
        [
            b"Subject: " + b"=?utf-8?B?QQ==?= " * 20_000 + b"\n\nx",
            b"X: y\n" * 20_000 + b"\nx",
            b'Content-Type: text/plain; name="' + b"a;" * 100_000 + b'"\n\nx',
            b"Content-Type: text/plain\nContent-Disposition: attachment; " + b"a=b;" * 100_000 + b"\n\nx",
            b"To: " + b"a@b, " * 50_000 + b"\n\nx",
            b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n\nx\n" * 20_000,
            b"Subject: x\nContent-Type: text/plain; charset=no-such\nContent-Transfer-Encoding: base64\n\n!!!!",
        ],
    )
    def test_a_hostile_mail_ends(self, content: bytes) -> None:
        began = time.thread_time()
        with suppress(Unreadable):
            assert len(read(content)) < 3_000
        assert time.thread_time() - began < 3


class TestSavedPage:
    def test_the_page_is_read_and_not_its_pictures(self) -> None:
        saved = MIMEMultipart("related")
        saved["Subject"] = "Fees"
        saved.attach(MIMEText("<title>Fees</title><p>보증 기간은 24개월입니다.</p>", "html", "utf-8"))
        saved.attach(MIMEText("body{}", "css"))
        saved.attach(MIMEText("<p>frame</p>", "html", "euc-kr"))

        segments = list(read_saved_page(RawFile(saved.as_bytes())))

        assert [(s.section, s.text) for s in segments] == [
            ("Fees", "보증 기간은 24개월입니다.\n\n"),
            ("", "frame\n\n"),
        ]

    def test_a_page_names_its_encoding_where_its_part_does_not(self) -> None:
        head = b"MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\nContent-Type: text/html\n\n"
        page = "<meta charset=shift_jis><p>保証期間".encode("cp932")

        assert joined(list(read_saved_page(RawFile(head + page + b"\n--x--")))) == "保証期間\n\n"

    def test_without_a_page_it_is_a_mail(self) -> None:
        assert "보증" in joined(list(read_saved_page(RawFile(mail().as_bytes()))))


class TestOutlook:
    def test_a_message_is_read_like_a_mail(self) -> None:
        message = outlook_message(
            {"명단.csv": "이름,부서\n김철수,총무과\n".encode("cp949"), "big.txt": b"deposit 350 euros\n" * 300},
            subject="보증 안내",
            sender="김철수",
            to="ann",
            body="보증 기간은 24개월입니다.",
        )

        segments = list(read_message(RawFile(message)))

        assert segments[0].text == (
            "From: 김철수\nTo: ann\nDate: 2026-08-03 10:00 UTC\nSubject: 보증 안내\nAttachments: 명단.csv, big.txt\n\n"
        )
        assert segments[1].text == "보증 기간은 24개월입니다.\n\n"
        assert [(s.page, s.place.part) for s in segments[2:]] == [(2, "명단.csv"), (3, "big.txt")]
        assert segments[3].text.count("deposit") == 300

    def test_its_html_is_read_rather_than_its_plain_text(self) -> None:
        message = outlook_message(subject="Fees", body="plain", html="<meta charset=utf-8><h1>요금</h1><p>40 EUR</p>")

        assert [(s.section, s.text) for s in read_message(RawFile(message))][1:] == [("요금", "요금\n40 EUR\n\n")]

    def test_a_message_within_it_is_read_with_its_attachments(self) -> None:
        inner = message_folder({"deep.txt": b"deep text"}, subject="inner", body="inner body")

        segments = list(read_message(RawFile(outlook_message(inner=inner, subject="outer"))))

        assert [(s.place.part, "inner body" in s.text, "deep text" in s.text) for s in segments] == [
            ("", False, False),
            ("message", True, False),
            ("message/deep.txt", False, True),
        ]

    @pytest.mark.parametrize("size", [0, 8, 600, 1_500])
    def test_a_damaged_message_is_damaged(self, size: int) -> None:
        with pytest.raises(Unreadable, match="damaged"):
            list(read_message(RawFile(outlook_message(subject="x")[:size] + b"\xff" * 100)))
