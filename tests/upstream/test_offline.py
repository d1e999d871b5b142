"""The answerer without a model is honest, quotes word for word, and says nothing where the files say nothing."""

import time

import pytest

from qa_service.deltas import Finished, TextDelta
from qa_service.errors import Cancelled
from qa_service.markers import find_markers
from qa_service.model import Message, Passage, Prompt, Usage
from qa_service.running.stop import StopSignal
from qa_service.upstream.offline import OfflineAnswerer

REFUNDS = (
    "제1조 목적\n이 규정은 상품의 환불 절차를 정한다. 환불은 구매 후 7일 이내에 신청할 수 있습니다. "
    "배송비는 고객이 부담합니다. 쿠폰으로 산 상품은 제외됩니다."
)
HOLIDAYS = "연차휴가는 입사 1년 후 15일이 주어집니다. 휴가 신청은 사흘 전에 합니다. 병가는 진단서를 함께 냅니다."
MANUAL = "The pump starts when the valve opens. The filter must be cleaned every month. Call us after three failures."


def passages(*texts: str) -> tuple[Passage, ...]:
    """Return the passages of one file for each text, numbered as in a prompt."""
    numbered = enumerate(texts, 1)
    return tuple(Passage(file_id=f"f{n}", file=f"{n}.txt", text=text, n=n) for n, text in numbered)


def answered(question: str, *texts: str, language="ko") -> str:
    prompt = Prompt("gpt", (), question, passages=passages(*texts), language=language)
    with OfflineAnswerer().open_answer(prompt, StopSignal()) as deltas:
        return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def test_a_hostile_question_costs_no_time():
    """A pattern that tried every split of it would take seconds."""
    began = time.process_time()
    answered("refunds made seven days a 수 있" + "!" * 31_900 + " a b word", REFUNDS)
    assert time.process_time() - began < 1


def test_a_question_of_thousands_of_words_costs_no_time_either():
    said = " ".join(f"단어{number} 문장{number}입니다." for number in range(150))
    began = time.process_time()
    answered("환불 기간은? " + " ".join(f"낱말{number}" for number in range(6000)), *[REFUNDS, said] * 15)
    assert time.process_time() - began < 1


class TestQuotes:
    def test_a_number_in_the_files_own_text_cites_nothing(self):
        text = answered("환불은 언제 신청하나요?", "환불은 법률[2]에 따라 7일 이내에 신청합니다.", HOLIDAYS)
        assert "“환불은 법률[ 2 ]에 따라 7일 이내에 신청합니다.” [1]" in text
        assert [number for _, number in find_markers(text)] == [1]

    def test_the_sentence_that_answers_is_quoted_with_its_number(self):
        text = answered("환불은 며칠 이내에 신청할 수 있나요?", HOLIDAYS, REFUNDS)
        assert "“환불은 구매 후 7일 이내에 신청할 수 있습니다.” [2]" in text

    def test_it_works_in_english(self):
        text = answered("How often must the filter be cleaned?", MANUAL, REFUNDS, language="en")
        assert "“The filter must be cleaned every month.” [1]" in text

    @pytest.mark.parametrize(
        "question", ["환불은 며칠 안에 가능한가요?", "환불은 며칠 안에 받을 수 있나요?", "언제까지 환불돼?"]
    )
    def test_words_that_ask_for_a_time_needn_t_stand_in_the_answer(self, question):
        assert "7일 이내에" in answered(question, "환불 규정\n\n구매 후 7일 이내에 환불합니다.", HOLIDAYS)

    def test_what_only_stands_under_a_heading_of_the_subject_is_not_quoted_beside_the_answer(self):
        under = "보증과 환불\n\n제품은 12개월 동안 보증됩니다. 구매일부터 7일 안에 환불받을 수 있습니다."
        text = answered("환불은 며칠 안에 받을 수 있나요?", under, HOLIDAYS)
        assert "7일 안에" in text
        assert "12개월" not in text

    def test_a_number_that_is_asked_for_is_quoted_from_under_the_heading_too(self):
        under = "환불 안내\n\n환불은 고객센터에서 신청합니다. 구매 후 7일 이내에만 됩니다."
        text = answered("환불은 며칠 안에 가능한가요?", under, HOLIDAYS)
        assert "7일 이내에만" in text

    def test_a_heading_is_no_quote_but_counts_for_what_it_stands_over(self):
        text = answered("환불 규정 알려줘", "환불 규정\n\n구매 후 7일 이내에 전액을 돌려드립니다.", HOLIDAYS)
        assert "“구매 후 7일 이내에 전액을 돌려드립니다.” [1]" in text
        assert "환불 규정" not in text

    @pytest.mark.parametrize(
        ("question", "text", "quote"),
        [
            ("How much is the deposit?", "Rent is due. The deposit is\n350 euros.", "The deposit is\n350 euros."),
            ("Who is the contact?", "Claims are ours. The contact is\nMs Example.", "The contact is\nMs Example."),
            ("지체상금률은?", "늦으면 해제한다. 지체상금률은\n천분의 일로 한다.", "지체상금률은\n천분의 일로 한다."),
            ("How much is the deposit?", "1. The deposit is due and\namounts to 9 euros.", "amounts to 9 euros."),
        ],
    )
    def test_a_sentence_is_quoted_from_its_beginning_to_its_end(self, question, text, quote):
        assert quote in answered(question, text)

    def test_a_heading_on_a_line_of_its_own_is_no_part_of_the_sentence_below(self):
        text = answered(
            "How long is the battery covered?", "Warranty\nThe battery is covered for 24 months.", language="en"
        )
        assert "“The battery is covered for 24 months.” [1]" in text

    def test_a_section_is_a_heading_too(self):
        passage = Passage(file_id="f", file="f.docx", text="사흘 안에 알려 드립니다.", section="환불 신청", n=1)
        with OfflineAnswerer().open_answer(
            Prompt("m", (), "환불 신청 결과", passages=(passage,)), StopSignal()
        ) as deltas:
            assert "사흘 안에" in "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))

    def test_a_numbered_heading_that_names_its_section_is_no_quote(self):
        passage = Passage(file_id="f", file="f.docx", text="제1장 휴가\n\n연차는 15일이다.", section="제1장 휴가", n=1)
        with OfflineAnswerer().open_answer(
            Prompt("m", (), "휴가는 며칠인가요?", passages=(passage,), language="ko"), StopSignal()
        ) as deltas:
            said = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
        assert "“연차는 15일이다.”" in said
        assert "제1장" not in said

    @pytest.mark.parametrize("question", ["쿠폰 상품은 제외되나요?", "쿠폰으로 산 상품도 환불되나요?"])
    def test_a_noun_in_the_last_word_is_looked_for(self, question):
        assert "[1]" in answered(question, REFUNDS)

    def test_a_heading_with_the_number_of_an_article_is_no_quote(self):
        text = answered("환불 신청은 언제까지 하나요?", "제3조 환불과 교환\n환불은 7일 안에 신청합니다.")
        assert "“환불은 7일 안에 신청합니다.” [1]" in text
        assert "제3조" not in text

    def test_the_best_sentence_comes_first(self):
        text = answered("휴가 신청은 며칠 전에 하나요?", REFUNDS, HOLIDAYS)
        assert text.split("\n\n")[1].startswith("- “휴가 신청은 사흘 전에 합니다.” [2]")

    def test_sentences_off_the_question_stay_out(self):
        assert "배송비" not in answered("환불은 며칠 이내에 신청할 수 있나요?", REFUNDS)

    def test_a_compound_is_found_by_its_parts(self):
        assert "연차휴가는" in answered("연차 휴가는 며칠인가요?", HOLIDAYS)
        assert "연차휴가는" in answered("연차휴가일수는?", HOLIDAYS)

    def test_the_answer_begins_with_the_passage_that_was_found_first(self):
        """Another one may have as many of the question's words by chance."""
        first = "The pump is started by the valve. It runs at 40 bar."
        other = "A pump and a valve are sold together. No pump is started without training."
        text = answered("How is the pump started?", first, other, language="en")
        assert text.split("\n\n")[1].startswith("- “The pump is started by the valve.” [1]")

    @pytest.mark.parametrize(
        ("question", "first", "other"),
        [
            (
                "What is the pressure of the cooling pump?",
                "The pump and its pressure gauge. Cooling is described below.",
                "The cooling pump has a pressure of 40 bar.",
            ),
            ("냉각 펌프의 압력은?", "펌프를 끈다. 압력이 내려간다. 냉각을 기다린다.", "냉각 펌프의 압력은 40 bar이다."),
        ],
    )
    def test_the_answer_begins_with_the_next_passage_where_it_has_much_more_of_the_question(
        self, question, first, other
    ):
        assert answered(question, first, other).split("\n")[2] == f"- “{other}” [2]"

    @pytest.mark.parametrize(
        ("question", "first", "other"),
        [
            (
                "What is the cooling pump's pressure?",
                "The cooling pump is red.",
                "The cooling pump's pressure is 40 bar.",
            ),
            ("냉각 펌프의 압력은?", "냉각 펌프는 빨갛다.", "냉각 펌프의 압력은 40 bar이다."),
        ],
    )
    def test_the_passage_that_was_found_first_is_quoted_too(self, question, first, other):
        assert answered(question, first, other).split("\n")[2:] == [f"- “{other}” [2]", f"- “{first}” [1]"]

    def test_the_passage_that_was_found_first_is_not_quoted_where_it_has_next_to_nothing_of_the_question(self):
        text = answered("How often must the filter be cleaned?", REFUNDS, MANUAL, language="en")
        assert text.split("\n\n")[1].startswith("- “The filter must be cleaned every month.” [2]")

    def test_a_sentence_with_a_number_is_preferred_where_an_amount_is_asked_for(self):
        said = "The battery of the pump is covered. The cover of the battery lasts for 24 months. Keep the bill."
        assert "24 months" in answered("How long is the battery covered?", said, language="en").split("\n")[2]

    @pytest.mark.parametrize(
        ("question", "text", "off"),
        [
            ("보증 기간이 어떻게 되나요?", "보증 기간은 2년입니다. 배송비는 3,000원입니다.", "3,000"),
            ("보증은 언제까지인가요?", "보증은 2년 동안 합니다. 배송비는 3,000원입니다.", "3,000"),
            ("How long is the warranty?", "The warranty lasts two years. Shipping is 9 euros.", "9 euros"),
            ("When is the rent due?", "The rent is due on Monday. A key is 20 euros.", "20 euros"),
        ],
    )
    def test_a_number_makes_no_sentence_fit_a_question_that_it_has_no_word_of(self, question, text, off):
        said = answered(question, text)
        assert "[1]" in said
        assert off not in said

    @pytest.mark.parametrize(
        ("question", "quote"),
        [
            ("매달 임대료는 언제 얼마를 내야 하나요?", "월 임대료는 금 500,000원으로 하며 25일에 지급한다."),
            ("보증금은 얼마를 내야 합니까?", "보증금은 금 9,000,000원으로 한다."),
            ("How much must be paid for the rent every month?", "The rent is 500 euros."),
        ],
    )
    def test_words_that_any_text_may_have_needn_t_stand_in_the_answer(self, question, quote):
        lease = "월 임대료는 금 500,000원으로 하며 25일에 지급한다.\n\n보증금은 금 9,000,000원으로 한다."
        assert quote in answered(question, lease, "The rent is 500 euros. Pets are welcome.").split("\n")[2]

    def test_another_form_of_a_word_is_recognized_in_english(self):
        said = "The unproven assumptions of the theory are listed below. They are nine."
        assert "[1]" in answered("What does the theory assume?", said, MANUAL, language="en")

    def test_a_running_header_is_never_quoted(self):
        pages = [f"회사 내규 {n}쪽\n{text}" for n, text in enumerate((REFUNDS, HOLIDAYS, "식당은 지하에 있습니다."), 1)]
        found = tuple(Passage("f", "f.pdf", text, page=n, n=n) for n, text in enumerate(pages, 1))
        with OfflineAnswerer().open_answer(
            Prompt("m", (), "회사 식당은 어디에 있나요?", found), StopSignal()
        ) as deltas:
            text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
        assert "“식당은 지하에 있습니다.” [3]" in text
        assert "내규" not in text

    def test_at_most_five_sentences_are_quoted(self):
        assert answered("환불 규정", " ".join(f"환불 규정 {n}번 항목입니다." for n in range(20))).count("[1]") == 5

    def test_every_quote_stands_in_its_passage_word_for_word(self):
        for line in answered("환불 신청", REFUNDS).splitlines()[2:]:
            assert line.removeprefix("- “").rsplit("” ", 1)[0] in REFUNDS

    def test_text_without_sentences_is_quoted_by_lines_and_cut(self):
        table = "\n".join(f"품목{n} 가격 {n}00원 재고 {n}개" for n in range(60))
        assert "“품목42 가격 4200원 재고 42개” [1]" in answered("품목42 가격", table)
        assert len(answered("펌프 압력", "펌프 압력 " + "가나다 " * 300)) < 600


class TestNames:
    PUMPS = "펌프0은 40 bar에서 돈다. 펌프 3은 43 bar에서 돈다. 펌프13은 53 bar에서 돈다."
    UNITS = "Unit 0 runs at 40 bar. Unit 3 runs at 43 bar. Unit-13 runs at 53 bar."

    @pytest.mark.parametrize(
        ("question", "text", "quote"),
        [
            ("펌프3은 몇 bar에서 도나요?", PUMPS, "펌프 3은 43 bar에서 돈다."),
            ("펌프0의 압력은?", PUMPS, "펌프0은 40 bar에서 돈다."),
            ("At how many bar does Unit 3 run?", UNITS, "Unit 3 runs at 43 bar."),
            ("At how many bar does Unit 13 run?", UNITS, "Unit-13 runs at 53 bar."),
        ],
    )
    def test_a_number_tells_things_of_one_kind_apart(self, question, text, quote):
        assert answered(question, text).split("\n")[2:] == [f"- “{quote}” [1]"]

    @pytest.mark.parametrize(
        ("question", "text"), [("펌프7은 몇 bar에서 도나요?", PUMPS), ("At how many bar does Unit 7 run?", UNITS)]
    )
    def test_nothing_is_said_of_a_thing_that_no_file_names(self, question, text):
        assert "[1]" not in answered(question, text)

    @pytest.mark.parametrize(
        ("question", "text"),
        [
            ("환불 3일 전에 무엇을 하나요?", "환불 7일 전에 신청서를 냅니다."),
            ("펌프 3대의 값은?", "펌프 2대의 값은 9만 원입니다."),
        ],
    )
    def test_a_number_that_counts_is_no_name(self, question, text):
        assert "[1]" in answered(question, text)

    @pytest.mark.parametrize(
        ("question", "other", "named"),
        [
            (
                "What does 2.txt say about the battery?",
                "The battery is charged with the cable. The battery is warm.",
                "The battery is covered for two years.",
            ),
            (
                "2.txt는 배터리에 대해 뭐라고 하나요?",
                "배터리는 케이블로 충전합니다. 배터리는 따뜻합니다.",
                "배터리는 2년 동안 보증합니다.",
            ),
        ],
    )
    def test_only_the_file_that_the_question_names_is_quoted(self, question, other, named):
        assert answered(question, other, named).split("\n")[2:] == [f"- “{named}” [2]"]


class TestHonesty:
    @pytest.mark.parametrize("texts", [(), (REFUNDS,)])
    def test_pages_that_could_not_be_searched_are_named_where_nothing_answers(self, texts):
        unread = ("“plan.pdf”, 2–3쪽",)
        prompt = Prompt(
            "gpt",
            (),
            "원숭이는 무엇을 먹나요?",
            passages=passages(*texts),
            files=("plan.pdf",),
            unread_pages=unread,
            language="ko",
        )
        with OfflineAnswerer().open_answer(prompt, StopSignal()) as deltas:
            text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
        assert text.endswith("찾아보지 못했어요: “plan.pdf”, 2–3쪽")

    @pytest.mark.parametrize(("language", "said"), [("ko", "연결된 AI 모델이 없"), ("en", "No AI model is configured")])
    @pytest.mark.parametrize("question", ["환불은 며칠 이내인가요?", "프랑스의 수도는?", "파일을 요약해 주세요"])
    def test_it_says_first_that_no_model_answers(self, question, language, said):
        assert answered(question, REFUNDS, language=language).startswith(said)

    @pytest.mark.parametrize(
        "question",
        [
            "프랑스의 수도는 어디인가요?",
            "What is the boiling point of helium?",
            "이 상품의 제조사 대표이사는 누구인가요?",
        ],
    )
    def test_what_the_files_do_not_say_is_not_quoted(self, question):
        text = answered(question, REFUNDS, HOLIDAYS, MANUAL)
        assert "답하는 내용은 파일에 없어요" in text
        assert "[" not in text

    @pytest.mark.parametrize(
        ("question", "first", "apart", "together"),
        [
            (
                "Which year and month: harbour crane load?",
                "The crane has a load.",
                "The crane stands. A load waits.",
                "The crane moves a load.",
            ),
            (
                "항구 크레인 하중의 이유와 종류는?",
                "크레인이 하중을 견딘다.",
                "크레인이 선다. 하중은 크다.",
                "크레인이 하중을 옮긴다.",
            ),
        ],
    )
    def test_words_that_stand_together_in_several_passages_say_less(self, question, first, apart, together):
        assert "[1]" in answered(question, first, apart, REFUNDS, HOLIDAYS)
        assert "[" not in answered(question, first, together, REFUNDS, HOLIDAYS)

    def test_documents_that_were_searched_in_vain_are_not_called_missing(self):
        prompt = Prompt("gpt", (), "How many days?", language="en", is_knowledge_searched=True)
        with OfflineAnswerer().open_answer(prompt, StopSignal()) as deltas:
            text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
        assert "no text from files" not in text
        assert "The documents were searched" in text

    def test_without_files_there_is_nothing_to_quote(self):
        assert "파일 내용도 없" in answered("환불은 며칠인가요?")
        assert "no text from files" in answered("How many days?", language="en")

    @pytest.mark.parametrize("language", ["ko", "en"])
    def test_while_a_file_is_listed_it_never_says_that_there_is_none(self, language: str) -> None:
        prompt = Prompt("gpt", (), "환불은 며칠인가요?", files=("그림[1].png",), language=language)
        with OfflineAnswerer().open_answer(prompt, StopSignal()) as deltas:
            text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
        assert "그림[ 1 ].png" in text
        assert "no text from files" not in text
        assert "파일 내용도 없" not in text

    def test_it_ends_at_no_cost(self):
        prompt = Prompt("gpt", (), "환불", passages=passages(REFUNDS))
        with OfflineAnswerer().open_answer(prompt, StopSignal()) as deltas:
            assert [*deltas][-1] == Finished("stop", model="offline", usage=Usage())


class TestFollowUps:
    SAID = (Message("user", "환불 규정 알려줘"), Message("assistant", "…"), Message("user", "며칠이야?"))

    def asked(self, question: str, *messages: Message) -> str:
        prompt = Prompt("gpt", messages, question, passages=passages(HOLIDAYS, REFUNDS), language="ko")
        with OfflineAnswerer().open_answer(prompt, StopSignal()) as deltas:
            return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))

    def test_the_question_before_says_what_a_bare_one_is_about(self):
        assert "환불은 구매 후 7일 이내에" in self.asked("며칠이야?", *self.SAID)

    def test_nothing_of_it_is_demanded(self):
        before = (Message("user", "회의실 예약 취소 방법과 담당 부서 연락처를 자세히 알려줘"), *self.SAID[1:])
        assert "배송비는 고객이" in self.asked("그럼 배송비는 누가 내요?", *before)

    def test_it_makes_no_other_question_one_that_the_files_answer(self):
        assert "파일에 없어요" in self.asked("프랑스의 수도는 어디인가요?", *self.SAID)


class TestMeaning:
    def near(self, nearness: float) -> str:
        found = (Passage("f", "f.pdf", MANUAL, nearness=nearness, n=1),)
        with OfflineAnswerer().open_answer(Prompt("m", (), "필터 청소 주기는?", found), StopSignal()) as deltas:
            return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))

    def test_a_passage_in_another_language_is_quoted_where_it_is_near_by_meaning(self):
        assert "[1]" in self.near(0.6)
        assert "[1]" not in self.near(0.2)


class TestSummaries:
    @pytest.mark.parametrize(
        "question",
        [
            "이 파일들에는 어떤 내용이 있나요?",
            "What is in these files?",
            "요약해 줘",
            "Please summarize this document.",
            "What is this document about?",
            "이 문서는 무슨 내용이야?",
        ],
    )
    def test_each_file_is_quoted_from_its_beginning(self, question):
        text = answered(question, HOLIDAYS, MANUAL)
        assert "“연차휴가는 입사 1년 후 15일이 주어집니다.” [1]" in text
        assert "“The pump starts when the valve opens.” [2]" in text
        assert "병가" not in text

    @pytest.mark.parametrize("question", ["요약재무제표의 매출은?", "책임은 무엇인가요?", "문서번호는 무엇인가요?"])
    def test_words_that_only_sound_like_it_ask_for_no_summary(self, question):
        assert "첫머리" not in answered(question, HOLIDAYS)

    def test_a_question_about_a_part_is_no_summary(self):
        assert "병가는" in answered("병가에는 무엇을 내나요?", HOLIDAYS)

    def test_pages_are_read_in_their_order(self):
        late = Passage(file_id="f", file="f.pdf", text="둘째 쪽입니다.", page=2, n=1)
        early = Passage(file_id="f", file="f.pdf", text="첫째 쪽입니다.", page=1, n=2)
        with OfflineAnswerer().open_answer(
            Prompt("gpt", (), "요약", passages=(late, early), language="ko"), StopSignal()
        ) as deltas:
            text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
        assert text.index("첫째") < text.index("둘째")


class TestStreaming:
    def test_the_answer_comes_in_pieces(self):
        prompt = Prompt("gpt", (), "환불 신청", passages=passages(REFUNDS))
        with OfflineAnswerer().open_answer(prompt, StopSignal()) as deltas:
            assert len([*deltas]) > 3

    def test_a_stop_ends_it(self):
        stop = StopSignal()
        with OfflineAnswerer().open_answer(Prompt("gpt", (), "환불", passages=passages(REFUNDS)), stop) as deltas:
            next(deltas)
            stop.set("cancelled")
            with pytest.raises(Cancelled):
                next(deltas)
