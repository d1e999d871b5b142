"""This program plays whole conversations through the drift detector, and says which of its decisions feel right to a
visitor.

    python -m benchmarks.conversations [--words] [--each]
    python -m benchmarks.conversations --http http://127.0.0.1:8000/api [--each]

`conversations.jsonl` has a conversation a line: `{id, lang, setting, turns: [{label, topic, question, answer}]}`. A
turn is `same` if it goes on, `new` if it begins a subject, and `earlier` if it comes back to one; `topic` numbers the
subjects. The detector's own decisions say which turns stand in its context later on. A decision is

    right    if a turn that goes on stays, one that begins a subject begins a topic, and one that comes back finds the
             earlier turns of its subject in the context
    riding   if turns of another subject ride along, which costs tokens and hardly anything else
    gone     if a turn comes back to a subject and finds none of its turns
    cut      if a turn goes on with its subject and is cut off from it, which is the worst

With `--http` the questions are asked of a running server, such as `QA_UPSTREAM=offline QA_RATE=1000/minute make serve`.
Then the answers are the server's own.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import urlencode
from urllib.request import urlopen
from uuid import uuid4

from msgspec import Struct

from qa_service.interfaces import DriftDetector
from qa_service.language.encoder import load_encoder
from qa_service.model import EarlierTopic, Exchange, Meaning, Session, Topic
from qa_service.search_interfaces import Encoder
from qa_service.topics.choosing import choose_detector

CONVERSATIONS = Path(__file__).parent / "conversations.jsonl"

Outcome: TypeAlias = Literal["right", "riding", "gone", "cut"]
Conversation: TypeAlias = Mapping[str, Any]


class Decision(Struct, frozen=True):
    """A `Decision` is what was decided about one turn, and how that feels."""

    conversation: str
    label: str
    question: str
    outcome: Outcome
    score: float
    reopened: bool


def read_conversations(path: Path = CONVERSATIONS) -> list[Conversation]:
    """Read the conversations that come with the benchmarks."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def play_conversation(
    conversation: Conversation, detector: DriftDetector, encoder: Encoder | None
) -> Iterator[Decision]:
    """Give the decision about each turn but the first, which can't leave anything."""
    said, exchanges = list[tuple[int, int, Exchange]](), remember_exchanges(conversation, encoder)
    current = count = 0
    for place, turn in enumerate(conversation["turns"]):
        question, subject = turn["question"], turn["topic"]
        if not place:
            current = count = 1
        else:
            drift = detector.judge_topic(question, session_from(said, current, count), {})
            count += drift.drifted
            chosen = count if drift.drifted else drift.reopened or current
            outcome = judge_outcome(turn["label"], subject, [(topic, about) for topic, about, _ in said], chosen)
            yield Decision(
                conversation["id"], turn["label"], question, outcome, round(drift.score, 3), bool(drift.reopened)
            )
            current = chosen
        said.append((current, subject, exchanges[place]))


def remember_exchanges(conversation: Conversation, encoder: Encoder | None) -> list[Exchange]:
    """Make the exchanges as they are stored when they are finished. All are encoded at once, which is faster."""
    pairs = [(turn["question"], turn["answer"]) for turn in conversation["turns"]]
    if encoder is None:
        return [Exchange(question, answer) for question, answer in pairs]
    vectors = iter(encoder.encode_texts([text for pair in pairs for text in pair]))
    return [Exchange(*pair, Meaning(encoder.name, next(vectors), next(vectors))) for pair in pairs]


def ask_conversation(conversation: Conversation, address: str) -> Iterator[Decision]:
    """Ask the questions of a server, and give the decision about each turn but the first."""
    said, session_id = list[tuple[int, int]](), uuid4().hex
    for turn in conversation["turns"]:
        form = {"question": turn["question"], "sessionId": session_id, "stream": "false"}
        with urlopen(f"{address.rstrip('/')}/ask", urlencode(form).encode()) as response:
            topic = json.load(response)["metadata"]["topic"]
        if said:
            outcome = judge_outcome(turn["label"], turn["topic"], said, topic["index"])
            reopened = topic.get("reopened", False)
            yield Decision(conversation["id"], turn["label"], turn["question"], outcome, topic["score"], reopened)
        said.append((topic["index"], turn["topic"]))


def session_from(said: Sequence[tuple[int, int, Exchange]], current: int, count: int) -> Session:
    """Make the session as the store would give it. `said` holds the topic, the subject and the words of each turn."""
    turns = {index: tuple(words for topic, _, words in said if topic == index) for index in range(1, count + 1)}
    earlier = tuple(
        EarlierTopic(index, (*words[:-3][:1], *words[-3:])) for index, words in turns.items() if index != current
    )
    topics = tuple(Topic(index, "", len(words)) for index, words in turns.items())
    return Session("played", current, topics, context=turns[current], earlier=earlier)


def judge_outcome(label: str, subject: int, said: Sequence[tuple[int, int]], chosen: int) -> Outcome:
    """Say how it feels that a turn about `subject` goes to the topic `chosen`. `said` holds the topic and the subject
    of each turn before."""
    context = {about for topic, about in said if topic == chosen}
    if label == "new":
        return "riding" if context else "right"
    if subject not in context:
        return "cut" if label == "same" else "gone"
    if label == "same" and said[-1][0] != chosen:
        return "cut"
    return "right"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", action="store_true", help="without the encoder")
    parser.add_argument("--http", metavar="ADDRESS", help="the API of a running server")
    parser.add_argument("--each", action="store_true", help="show each decision that doesn't feel right")
    options = parser.parse_args()
    encoder = None if options.words or options.http else load_encoder()
    play: Callable[[Conversation], Iterator[Decision]] = partial(
        play_conversation, detector=choose_detector(encoder), encoder=encoder
    )
    if options.http:
        play = partial(ask_conversation, address=options.http)
    conversations = read_conversations()
    decisions = [each for one in conversations for each in play(one)]
    for decision in decisions if options.each else ():
        if decision.outcome != "right":
            print(*(getattr(decision, field) for field in decision.__struct_fields__), sep="  ")
    outcomes = Counter(decision.outcome for decision in decisions)
    print(f"{len(conversations)} conversations, {len(decisions)} decisions, {dict(outcomes)}")
    print(f"feels right: {outcomes['right'] / len(decisions):.3f}")


if __name__ == "__main__":
    main()
