"""These tests show what `useChat` sends by default, what it gets, and what becomes of the session."""

import re
from base64 import b64encode
from contextlib import closing
from typing import Any

import msgspec
import pytest
from werkzeug.test import TestResponse

from qa_service.deltas import Finished, TextDelta
from qa_service.errors import StoreUnavailable, UpstreamRejected
from qa_service.web.serving import drain_answers
from tests.web.conftest import MakeHouse
from tests.web.house import PERSONAL_SECRET, House, refusal

KIM = {"Authorization": f"Bearer {PERSONAL_SECRET}"}
PAGES_ID = "k3V9xQ2mZ7pL0aRt"
"""This is an id as the AI SDK makes it."""
NOTE = f"data:text/plain;base64,{b64encode('배터리는 24개월 보증됩니다.'.encode()).decode()}"


def user(text: str, *files: dict[str, str], id: str = "u") -> dict[str, Any]:
    return {"id": id, "role": "user", "parts": [*files, {"type": "text", "text": text}]}


def assistant(id: str, text: str = "안녕하세요.") -> dict[str, Any]:
    """Return a message as a page keeps it: what isn't text is of no use to us, and must not get in the way."""
    parts: list[dict[str, Any]] = [
        {"type": "step-start"},
        {"type": "text", "text": text, "state": "done"},
        {"type": "source-document", "sourceId": "1", "mediaType": "text/plain", "title": "a", "filename": "a.txt"},
        {"type": "data-reference", "id": "1", "data": {"n": 1, "page": 3}},
        {"type": "tool-weather", "toolCallId": "t", "state": "output-available", "input": {"a": 1}, "output": [1]},
        {"type": "file", "mediaType": "image/png", "url": "https://a.example/a.png"},
    ]
    return {"id": id, "role": "assistant", "metadata": {"sessionId": "x"}, "parts": parts}


class Page:
    """A `Page` is a page with `useChat`: it keeps its messages, and sends them all each time."""

    def __init__(self, house: House, chat_id: str = "my-chat", headers: dict[str, str] | None = None) -> None:
        self.house = house
        self.id = chat_id
        self.headers = KIM if headers is None else headers
        self.messages: list[dict[str, Any]] = []

    def send(self, message: dict[str, Any], **body: Any) -> dict[str, Any]:
        """Send a new message, and give the answer."""
        self.messages.append(message)
        return self.request(trigger="submit-message", **body)

    def edit(self, message: dict[str, Any]) -> dict[str, Any]:
        """Put a message in the place of the one with the same id, and drop what came behind that."""
        place = [each["id"] for each in self.messages].index(message["id"])
        self.messages = [*self.messages[:place], message]
        return self.request(trigger="submit-message", messageId=message["id"])

    def regenerate(self, **body: Any) -> dict[str, Any]:
        """Have the last answer written again."""
        if self.messages[-1]["role"] == "assistant":
            self.messages.pop()
        return self.request(trigger="regenerate-message", **body)

    def post(self, **body: Any) -> TestResponse:
        return self.house.client.post(
            "/api/chat", json={"id": self.id, "messages": self.messages, **body}, headers=self.headers
        )

    def request(self, **body: Any) -> dict[str, Any]:
        said = answer_of(self.post(**body))
        self.messages.append(assistant(said["id"], said["text"]))
        return said

    def resume(self) -> TestResponse:
        return self.house.get(f"chat/{self.id}/stream", self.headers)


def chunks(response: TestResponse) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert response.mimetype == "text/event-stream"
    with closing(response):
        *events, end = response.get_data(as_text=True).removesuffix("\n\n").split("\n\n")
    assert end == "data: [DONE]"
    return [msgspec.json.decode(event.removeprefix("data: ")) for event in events]


def answer_of(response: TestResponse) -> dict[str, Any]:
    found = chunks(response)
    text = "".join(chunk["delta"] for chunk in found if chunk["type"] == "text-delta")
    metadata = next(chunk["messageMetadata"] for chunk in found if chunk["type"] == "message-metadata")
    return {"id": found[0]["messageId"], "text": text, "metadata": metadata, "end": found[-1]}


def turns_of(house: House, session_id: str, headers: dict[str, str] = KIM) -> list[tuple[str, str]]:
    """Return the questions of a session with the ids of their answers, oldest first."""
    session = house.get(f"sessions/{session_id}", headers).get_json()
    return [(turn["question"], turn["answerId"]) for turn in reversed(session["turns"])]


class TestFormat:
    @pytest.mark.parametrize(
        ("body", "header", "begin"),
        [
            ({"messages": [user("안녕?")], "trigger": "submit-message"}, "x-vercel-ai-ui-message-stream", b"data: {"),
            ({"message": user("안녕?"), "id": "c"}, "x-vercel-ai-ui-message-stream", b"data: {"),
            ({"messages": [user("안녕?")]}, "x-vercel-ai-data-stream", b"f:{"),
            ({"messages": [{**user("안녕?"), "content": "안녕?"}], "id": "c"}, "x-vercel-ai-data-stream", b"f:{"),
            ({"message": {**user("안녕?"), "content": "안녕?"}, "id": "c"}, "x-vercel-ai-data-stream", b"f:{"),
            ({"messages": [{"role": "user", "content": "안녕?"}], "id": "c"}, "x-vercel-ai-data-stream", b"f:{"),
            ({"messages": [{"role": "user", "content": "안녕?"}]}, "", "안녕".encode()),
            ({"messages": [user("안녕?")], "trigger": "submit-message", "format": "text"}, "", "안녕".encode()),
            ({"message": "안녕?"}, "", b'data: {"'),
            ({"messages": [user("안녕?")], "stream": False}, "", b"{"),
        ],
    )
    def test_goes_by_the_shape_of_what_was_sent(
        self, house: House, body: dict[str, Any], header: str, begin: bytes
    ) -> None:
        with closing(house.client.post("/api/chat", json=body, headers=KIM)) as response:
            assert response.get_data().startswith(begin), response.get_data(as_text=True)
        assert [name for name, _ in response.headers if name.startswith("x-vercel")] == [header] * bool(header)

    def test_plain_text_is_the_answer_alone(self, house: House) -> None:
        body = {"messages": [{"role": "user", "content": "안녕?"}]}
        with closing(house.client.post("/api/chat", json=body, headers=KIM)) as response:
            assert (response.mimetype, response.get_data(as_text=True)) == ("text/plain", "안녕하세요.")

    def test_lets_a_page_of_another_origin_send_what_the_sdk_sends(self, make_house: Any) -> None:
        headers = {
            "Origin": "https://a.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,user-agent",
        }
        response = make_house(origins=("https://a.example",)).client.options("/api/chat", headers=headers)
        allowed = response.headers["Access-Control-Allow-Headers"].lower().split(", ")
        assert {"content-type", "user-agent"} <= set(allowed)

    def test_of_another_origin_shows_its_headers_to_the_page(self, make_house: Any) -> None:
        house = make_house(origins=("https://a.example",))
        response = Page(house, headers={**KIM, "Origin": "https://a.example"}).post(
            messages=[user("안녕?")], trigger="submit-message"
        )
        with closing(response):
            assert "x-vercel-ai-ui-message-stream" in response.headers["Access-Control-Expose-Headers"]


class TestAsking:
    def test_each_answer_has_an_id_of_its_own_under_which_others_find_it(self, house: House) -> None:
        page = Page(house)
        first, second = page.send(user("안녕?")), page.send(user("그건 왜죠?"))
        assert first["id"] != second["id"]
        assert house.get(f"answers/{second['id']}", KIM).get_json()["question"] == "그건 왜죠?"

    def test_a_chat_is_a_session_and_its_own_turns_win_over_the_list(self, house: House) -> None:
        page = Page(house)
        page.send(user("안녕?"))
        page.messages[0] = user("what nobody asked")
        page.send(user("그건 왜죠?"))
        assert [question for question, _ in turns_of(house, "my-chat")] == ["안녕?", "그건 왜죠?"]
        assert "what nobody asked" not in str(house.model.prompts[-1])

    def test_a_chat_that_is_unknown_begins_with_the_list(self, house: House) -> None:
        page = Page(house)
        page.messages = [user("하늘은 왜 파랗죠?"), assistant("of another service", "산란 때문입니다.")]
        page.send(user("그건 왜죠?"))
        assert "산란 때문입니다." in str(house.model.prompts[-1])

    def test_a_file_in_the_question_is_an_upload(self, house: House) -> None:
        said = Page(house).send(
            user("보증은?", {"type": "file", "mediaType": "text/plain", "filename": "보증.txt", "url": NOTE})
        )
        assert [(file["name"], file["status"]) for file in said["metadata"]["files"]] == [("보증.txt", "used")]
        assert "24개월" in str(house.model.prompts[-1])
        assert not house.uploads()

    def test_the_files_of_earlier_questions_arent_uploaded_again(self, house: House) -> None:
        page = Page(house)
        page.send(user("보증은?", {"type": "file", "mediaType": "text/plain", "filename": "보증.txt", "url": NOTE}))
        page.send(user("그건 왜죠?"))
        assert len(house.get("sessions/my-chat/files", KIM).get_json()["items"]) == 1

    def test_a_file_of_version_4_is_an_upload_too(self, house: House) -> None:
        message = {
            **user("보증은?"),
            "content": "보증은?",
            "experimental_attachments": [{"name": "보증.txt", "contentType": "text/plain", "url": NOTE}],
        }
        with closing(house.client.post("/api/chat", json={"id": "c", "messages": [message]}, headers=KIM)) as response:
            response.get_data()
        assert [file["name"] for file in house.get("sessions/c/files", KIM).get_json()["items"]] == ["보증.txt"]

    def test_a_file_larger_than_other_json_is_read(self, house: House) -> None:
        url = f"data:application/zip;base64,{b64encode(bytes(4 << 20)).decode()}"
        said = Page(house).send(user("What?", {"type": "file", "mediaType": "application/zip", "url": url}))
        assert said["metadata"]["files"][0]["reason"] == "unsupported"

    def test_a_failure_is_told_in_the_persons_words(self, house: House) -> None:
        house.model.error = UpstreamRejected("the key sk-secret was refused")
        said = Page(house, headers={**KIM, "Accept-Language": "ko"}).send(user("안녕?"))
        assert said["end"]["type"] == "error"
        assert "sk-secret" not in said["end"]["errorText"]
        assert said["metadata"]["finishReason"] == "error"


class TestRefusing:
    @pytest.mark.parametrize(
        "file",
        [
            {"type": "file", "mediaType": "text/plain", "url": "https://a.example/a.txt"},
            {"type": "file", "mediaType": "text/plain", "url": "data:text/plain;base64,?"},
            {"type": "video", "url": "data:video/mp4;base64,AAAA"},
        ],
    )
    def test_what_cant_be_read_of_a_question_is_named_and_leaves_nothing(
        self, house: House, file: dict[str, str]
    ) -> None:
        good = {"type": "file", "mediaType": "text/plain", "filename": "a.txt", "url": NOTE}
        response = Page(house).post(messages=[user("보증은?", good, file)], trigger="submit-message")
        assert refusal(response, 422, "invalid_field")["field"] == "messages"
        assert not house.left_behind()

    @pytest.mark.parametrize("messages", ["[", 5, [5], [{"role": 5}], [{"role": "user", "parts": "x"}]])
    def test_a_list_that_is_none_is_named(self, house: House, messages: Any) -> None:
        response = house.client.post("/api/chat", json={"messages": messages}, headers=KIM)
        assert refusal(response, 422, "invalid_field")["field"] == "messages"

    def test_a_page_without_a_question_is_told_so(self, house: House) -> None:
        response = Page(house).post(messages=[], trigger="submit-message")
        refusal(response, 422, "invalid_field")

    def test_a_stranger_is_refused(self, make_house: Any) -> None:
        refusal(
            Page(make_house(allow_anonymous=False), headers={}).post(messages=[user("안녕?")]), 401, "unauthenticated"
        )


class TestReplacing:
    def test_a_regenerated_answer_takes_the_place_of_the_last_one(self, house: House) -> None:
        page = Page(house)
        first, second = page.send(user("안녕?")), page.send(user("그건 왜죠?"))
        house.model.deltas = (TextDelta("다른 답"), Finished("stop"))
        third = page.regenerate()
        assert turns_of(house, "my-chat") == [("안녕?", first["id"]), ("그건 왜죠?", third["id"])]
        assert str(house.model.prompts[-1]).count("그건 왜죠?") == str(house.model.prompts[-2]).count("그건 왜죠?")
        house.settle()
        refusal(house.get(f"answers/{second['id']}", KIM), 404, "not_found")

    def test_an_earlier_answer_is_regenerated_by_its_id(self, house: House) -> None:
        page = Page(house)
        first = page.send(user("안녕?"))
        page.send(user("그건 왜죠?"))
        page.messages = page.messages[:1]
        again = page.request(trigger="regenerate-message", messageId=first["id"])
        assert turns_of(house, "my-chat") == [("안녕?", again["id"])]

    def test_the_files_of_a_regenerated_question_are_there_once(self, house: House) -> None:
        page = Page(house)
        page.send(user("보증은?", {"type": "file", "mediaType": "text/plain", "filename": "보증.txt", "url": NOTE}))
        page.regenerate()
        assert len(house.get("sessions/my-chat/files", KIM).get_json()["items"]) == 1

    def test_a_changed_question_takes_the_place_of_the_last_one(self, house: House) -> None:
        page = Page(house)
        first = page.send(user("안녕?", id="u1"))
        page.send(user("그건 왜죠?", id="u2"))
        changed = page.edit(user("그건 언제죠?", id="u2"))
        assert turns_of(house, "my-chat") == [("안녕?", first["id"]), ("그건 언제죠?", changed["id"])]
        assert "그건 왜죠?" not in str(house.model.prompts[-1])

    def test_a_changed_first_question_begins_the_chat_again(self, house: House) -> None:
        page = Page(house)
        page.send(user("안녕?", id="u1"))
        page.send(user("그건 왜죠?", id="u2"))
        changed = page.edit(user("하늘은 왜 파랗죠?", id="u1"))
        assert turns_of(house, "my-chat") == [("하늘은 왜 파랗죠?", changed["id"])]

    def test_a_new_question_replaces_nothing(self, house: House) -> None:
        page = Page(house)
        page.send(user("안녕?"))
        page.send(user("안녕?"))
        assert len(turns_of(house, "my-chat")) == 2

    def test_a_page_that_sends_its_last_message_alone_replaces_the_last_answer(self, house: House) -> None:
        page = Page(house)
        first = page.send(user("안녕?"))
        page.send(user("그건 왜죠?"))
        alone = {"id": "my-chat", "message": user("그건 왜죠?"), "trigger": "regenerate-message"}
        again = answer_of(house.client.post("/api/chat", json=alone, headers=KIM))
        assert turns_of(house, "my-chat") == [("안녕?", first["id"]), ("그건 왜죠?", again["id"])]

    def test_a_question_that_was_refused_is_asked_again_and_replaces_nothing(self, house: House) -> None:
        page = Page(house)
        first = page.send(user("안녕?"))
        refusal(
            page.post(messages=[*page.messages, user("왜요?")], trigger="submit-message", model="x"),
            422,
            "model_not_allowed",
        )
        page.messages.append(user("왜요?"))
        second = page.request(trigger="regenerate-message")
        assert turns_of(house, "my-chat") == [("안녕?", first["id"]), ("왜요?", second["id"])]

    def test_an_answer_that_is_still_written_is_stopped_and_replaced(self, house: House) -> None:
        page = Page(house)
        page.messages = [user("안녕?")]
        house.model.go.clear()
        with closing(page.post(trigger="submit-message")):
            assert house.model.asked.wait(10)
        again = page.request(trigger="regenerate-message")
        house.settle()
        assert turns_of(house, "my-chat") == [("안녕?", again["id"])]


class TestComingBack:
    def begin(self, page: Page) -> str:
        """Ask, and hang up behind the first words."""
        page.messages = [user("안녕?")]
        page.house.model.go.clear()
        response = page.post(trigger="submit-message")
        assert page.house.model.asked.wait(10)
        response.close()
        return response.headers["X-Answer-Id"]

    def test_the_answer_that_is_written_comes_from_its_beginning(self, house: House) -> None:
        page = Page(house)
        answer_id = self.begin(page)
        response = page.resume()
        house.model.go.set()
        said = answer_of(response)
        assert (said["id"], said["text"], said["end"]["type"]) == (answer_id, "안녕하세요.", "finish")

    def test_whoever_reads_at_a_worker_that_stops_is_cut_off_and_not_told_an_end(self, house: House) -> None:
        page = Page(house)
        page.messages = [user("안녕?")]
        house.model.go.clear()
        response = page.post(trigger="submit-message")
        assert house.model.asked.wait(10)
        drain_answers(house.app, 0)
        got: list[bytes] = []
        with closing(response), pytest.raises(BrokenPipeError):
            got.extend(response.response)
        assert "안녕".encode() in b"".join(got)
        assert not re.search(rb'"type":"(finish|error|abort)"', b"".join(got))

    def test_where_nothing_is_written_nothing_comes(self, house: House) -> None:
        page = Page(house)
        assert page.resume().status_code == 204
        page.send(user("안녕?"))
        house.settle()
        assert page.resume().status_code == 204

    def test_nobody_else_comes_back_to_it(self, house: House) -> None:
        self.begin(Page(house))
        assert Page(house, headers={}).resume().status_code == 204

    def test_an_answer_that_is_over_comes_by_its_own_address(self, house: House) -> None:
        said = Page(house).send(user("안녕?"))
        response = house.get(f"answers/{said['id']}/stream?format=ui-message", KIM)
        assert answer_of(response) == said

    def test_a_stop_ends_it_and_keeps_what_was_written(self, house: House) -> None:
        page = Page(house)
        answer_id = self.begin(page)
        for _ in range(2):
            assert house.client.post("/api/chat/my-chat/stop", json={}, headers=KIM).status_code == 204
        house.settle()
        kept = house.get(f"answers/{answer_id}", KIM).get_json()
        assert (kept["status"], kept["text"]) == ("cancelled", "안녕")

    def test_a_stop_that_another_worker_cannot_be_told_of_spares_no_other_answer(
        self, make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two answers of a chat run while the worker of the second one can't tell the first one's to stop."""
        first, second, stopping = (make_house() for _ in range(3))
        told: list[str] = []

        def refuse(answer_id: str) -> None:
            raise StoreUnavailable(retry_after=1)

        def refuse_second(answer_id: str) -> None:
            if answer_id == ids[1]:
                refuse(answer_id)
            told.append(answer_id)

        monkeypatch.setattr(second.assembly.runner._keeper.untold, "_announce", refuse)
        monkeypatch.setattr(stopping.assembly.runner._keeper.untold, "_announce", refuse_second)
        ids = [self.begin(Page(house)) for house in (first, second)]
        refusal(stopping.client.post("/api/chat/my-chat/stop", headers=KIM), 503, "store_unavailable")
        assert told == ids[:1]

    def test_whoever_reads_a_stopped_answer_is_told(self, house: House) -> None:
        page = Page(house)
        self.begin(page)
        response = page.resume()
        house.client.post("/api/chat/my-chat/stop", headers=KIM)
        assert answer_of(response)["end"] == {"type": "abort", "reason": "cancelled"}


class TestVisitors:
    @pytest.mark.parametrize(
        "chat_id", [PAGES_ID, "6f1d2a7e-3c4b-4f5a-9b8c-0d1e2f3a4b5c", "규정에 대한 우리 대화 하나 둘"]
    )
    def test_a_chat_goes_on_under_an_id_that_nobody_guesses(self, house: House, chat_id: str) -> None:
        page = Page(house, chat_id, headers={})
        sessions = {page.send(user(question))["metadata"]["sessionId"] for question in ("안녕?", "그건 왜죠?")}
        (session_id,) = sessions
        assert len(session_id) >= 22
        assert len(turns_of(house, session_id, {})) == 2

    @pytest.mark.parametrize("chat_id", ["chat", "1", ""])
    def test_a_chat_with_a_common_name_is_a_new_session_each_time(self, house: House, chat_id: str) -> None:
        page = Page(house, chat_id, headers={})
        assert len({page.send(user("안녕?"))["metadata"]["sessionId"] for _ in range(2)}) == 2

    def test_a_visitor_from_elsewhere_has_another_session(self, make_house: Any) -> None:
        house = make_house(trusted_proxies=1)
        pages = [Page(house, PAGES_ID, headers={"X-Forwarded-For": f"203.0.113.{n}"}) for n in (1, 2)]
        assert len({page.send(user("안녕?"))["metadata"]["sessionId"] for page in pages}) == 2

    def test_a_chat_of_somebody_known_may_have_any_id(self, house: House) -> None:
        page = Page(house, "규정 1", headers=KIM)
        assert len({page.send(user("안녕?"))["metadata"]["sessionId"] for _ in range(2)}) == 1
