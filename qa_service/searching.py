"""This module searches what a question is answered from: the files of its session and the knowledge base."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from qa_service.interfaces import FileStore
from qa_service.listing import order_files
from qa_service.model import Passage, Question, Session, StoredFile
from qa_service.retrieval.fusing import drop_repeated
from qa_service.search_interfaces import CandidateSource, Index, Query, Retriever
from qa_service.storable import storable


class Search(Struct, frozen=True):
    """A `Search` finds the passages that an answer is written from."""

    files: FileStore
    retriever: Retriever

    def find_passages(
        self, question: Question, session: Session, files: Sequence[StoredFile], knowledge: CandidateSource | None
    ) -> tuple[Passage, ...]:
        """Find the best passages, best first and each text once. `files` are those of the session, with those that came
        with the question."""
        readable = [file for file in order_files(files, session.topic) if file.passages]
        others = [file for file in readable if file.topic != session.topic]
        query = Query(
            question.text,
            [exchange.question for exchange in session.context],
            self._open_index(question, session, readable[: len(readable) - len(others)]),
            self._open_index(question, session, others),
            knowledge,
        )
        topics = {file.file_id: file.topic for file in others}
        found = drop_repeated(self.retriever.find_passages(query))
        return tuple(storable(replace(passage, topic=topics.get(passage.file_id, 0))) for passage in found)

    def _open_index(self, question: Question, session: Session, files: Sequence[StoredFile]) -> Index | None:
        return self.files.open_index(question.owner, session.session_id, files) if files else None
