"""This program measures how fast the knowledge base is at 1,000, 10,000 and 100,000 passages, and what reading 1,000
pages of PDF takes.

    python -m benchmarks.knowledge [PASSAGES …] [--pages N]

It makes its own data: passages of invented Korean and Latin words, as unequally common as those of a language, with
vectors around three hundred centres. That is hard on the ranking by words, since no passage has a subject. The engine
is the private PostgreSQL, in a folder of its own. Beside the times on the clock it gives the times of the processors,
which change less when the machine has other work, the size of the folder, and the memory of all processes of the
engine after the questions.
"""

import argparse
import json
import os
import random
import resource
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, count
from pathlib import Path

# numpy reads the variable when it is imported. The process that indexes has it, too.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from fpdf import FPDF

from benchmarks.processes import cpu_seconds, memory_kib, parent
from qa_service.errors import EncoderMissing
from qa_service.knowledge import search
from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import CollectionKey, DocumentPassage, DocumentText, NewDocument
from qa_service.knowledge.engine import EmbeddedPostgres
from qa_service.knowledge.library import Library
from qa_service.knowledge.search import KnowledgeSource, SearchScope
from qa_service.knowledge.vectors import MissingVectors
from qa_service.knowledge_base import make_indexer
from qa_service.language.encoder import SentenceEncoder, load_encoder
from qa_service.retrieval.terms import build_terms
from qa_service.search_interfaces import Candidate, SearchTerms
from qa_service.settings import Settings

SHARED = CollectionKey("", "shared")
DOCUMENT = 100
"""A document has this many passages."""
WORDS = 110
"""A passage has this many words, which are about 230 tokens."""
QUESTIONS = 150
MOST = 60
SYLLABLES = (
    "가나다라마바사아자차카타파하거너더러머버서어저처고노도로모보소오조초구누두루무부수우주추기니디리미비시이지치"
)


class Clusters:
    """A `Clusters` is an `Encoder` that costs nothing. Its vectors lie around centres, as those of texts do."""

    name = "clusters/1"

    def __init__(self) -> None:
        self._dice = np.random.default_rng(0)
        self._centres = self._dice.standard_normal((300, 512))

    def encode_texts(self, texts: Sequence[str]) -> Sequence[bytes]:
        chosen = self._centres[self._dice.integers(0, 300, len(texts))]
        vectors = chosen + 0.9 * self._dice.standard_normal(chosen.shape)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return [vector.astype("<f2").tobytes() for vector in vectors]


def invent_words(dice: random.Random) -> list[str]:
    """Invent 40,000 words, half of them Korean."""
    korean = ("".join(dice.choices(SYLLABLES, k=dice.randint(2, 4))) for _ in range(20_000))
    latin = ("".join(dice.choice("bcdfghklmnprstvw") + dice.choice("aeiou") for _ in range(3)) for _ in range(20_000))
    words = [*korean, *latin]
    dice.shuffle(words)
    return words


def write_texts(dice: random.Random, words: Sequence[str]) -> Iterator[str]:
    """Write passages without an end."""
    weights = list(accumulate(1 / (rank + 5) for rank in range(len(words))))
    while True:
        yield " ".join(dice.choices(words, cum_weights=weights, k=WORDS))


def measure_growth(folder: Path, passages: int) -> dict[str, object]:
    """Fill a knowledge base and ask it."""
    dice, engine = random.Random(1), EmbeddedPostgres(folder)
    database, clusters = Database(engine), Clusters()
    texts, words = write_texts(dice, invent_words(dice)), []
    began = time.monotonic()
    for number in range(passages // DOCUMENT):
        parts = [DocumentPassage(next(texts), page) for page in range(1, DOCUMENT + 1)]
        words.append(parts[0].text.split())
        Library(database).put_text(NewDocument(SHARED, str(number)), DocumentText(parts, "text", None, DOCUMENT))
    written = time.monotonic() - began
    vectors = MissingVectors(database, clusters)
    vectors.choose_encoder()
    while vectors.encode_batch():
        pass
    vectors.build_indexes()
    with database.lend_for_long() as connection:
        connection.run("vacuum analyze")
    questions = [" ".join(dice.sample(dice.choice(words), 8)) for _ in range(QUESTIONS)]
    found = {
        "passages": passages,
        "seconds to write": round(written),
        **ask_questions(database, questions, clusters),
        **measure_size(folder, database),
    }
    database.close()
    engine.leave_server()
    return found


def ask_questions(database: Database, questions: Sequence[str], clusters: Clusters) -> dict[str, object]:
    """Ask, by words and by meaning. The real encoder encodes the question, so that its time counts."""
    source = KnowledgeSource(database, SearchScope(), encoder=clusters.name)
    encoder = find_encoder()
    exact: list[tuple[SearchTerms, Sequence[Candidate]]] = []
    backend = database.search(lambda connection: connection.run("select pg_backend_pid()"))[0][0]
    times: list[float] = []
    used = time.process_time() + cpu_seconds(backend)
    for question in questions:
        began = time.monotonic()
        terms = build_terms(question, encoder=encoder)
        found = source.find_candidates(SearchTerms(terms.weights, clusters.encode_texts([question])[0]), MOST)
        times.append(time.monotonic() - began)
        if len(exact) < 30:
            exact.append((terms, found))
    used = (time.process_time() + cpu_seconds(backend) - used) / len(questions)
    times.sort()
    return {
        "p50 ms": round(times[len(times) // 2] * 1000, 1),
        "p95 ms": round(times[int(len(times) * 0.95)] * 1000, 1),
        "cpu ms": round(used * 1000, 1),
        "recall@10 by words": measure_recall(database, source, exact),
    }


def measure_size(folder: Path, database: Database) -> dict[str, object]:
    """Measure what the knowledge base takes on the disk, without PostgreSQL's journal, and in memory."""
    tables = database.read("select pg_database_size(current_database())")[0][0]
    whole = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    server = parent(database.read("select pg_backend_pid()")[0][0])
    return {
        "MB of tables": tables >> 20,
        "MB of the folder": whole >> 20,
        "MB of memory": memory_kib(server) >> 10,
    }


def measure_recall(
    database: Database, source: KnowledgeSource, asked: Sequence[tuple[SearchTerms, Sequence[Candidate]]]
) -> float:
    """Compare the ten best passages by words with those of an exact search, for which any word may be essential."""
    shares, usual = [], search.MOST_ESSENTIAL_PASSAGES
    search.MOST_ESSENTIAL_PASSAGES = database.read("select count(*) from passage")[0][0]
    for terms, found in asked:
        whole = source.find_candidates(terms, MOST)
        best = (sorted((round(one.lexical, 3) for one in several), reverse=True)[:10] for several in (whole, found))
        shares.append(sum((Counter(next(best)) & Counter(next(best))).values()) / 10)
    search.MOST_ESSENTIAL_PASSAGES = usual
    return round(sum(shares) / len(shares), 4)


def measure_indexing(folder: Path, pages: int) -> dict[str, object]:
    """Index a PDF of many pages with the real reader and the real encoder."""
    dice = random.Random(2)
    words = [word for word in invent_words(dice) if word.isascii()]
    document, texts = FPDF(), write_texts(dice, words)
    document.set_font("Helvetica", size=10)
    for _ in range(pages):
        document.add_page()
        document.multi_cell(0, 5, f"{next(texts)}. {next(texts)}. {next(texts)}.")
    settings, engine = Settings(data=folder), EmbeddedPostgres(folder)
    database = Database(engine)
    Library(database).add_document(NewDocument(SHARED, "book.pdf"), bytes(document.output()))
    indexer = make_indexer(settings, find_encoder())
    began = time.monotonic()
    indexer.index_next()
    readable = time.monotonic() - began
    indexer.run()
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    found: dict[str, object] = {
        "pages": pages,
        "passages": database.read("select passages from document")[0][0],
        "seconds until found by words": round(readable, 1),
        "seconds until found by meaning": round(time.monotonic() - began, 1),
        "greatest MB of a process": memory // 1024,
    }
    database.close()
    engine.leave_server()
    return found


def find_encoder() -> SentenceEncoder | None:
    """Return the encoder, where it is installed."""
    try:
        return load_encoder()
    except EncoderMissing:
        return None


def run_in_folder(measure: Callable[[Path, int], dict[str, object]], size: int, number: int) -> None:
    """Measure in a folder of its own, and print what was found."""
    folder = Path(tempfile.gettempdir(), f"qa-benchmark-{os.getpid()}-{number}")
    try:
        print(json.dumps(measure(folder, size)), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("passages", nargs="*", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--pages", type=int, default=1_000)
    options, numbers = parser.parse_args(), count()
    if options.pages:
        run_in_folder(measure_indexing, options.pages, next(numbers))
    for size in options.passages:
        run_in_folder(measure_growth, size, next(numbers))
