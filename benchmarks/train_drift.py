"""This program learns the drift detector's weights from labelled questions. It needs the extra `semantic`.

    python -m benchmarks.train_drift words rows.jsonl.gz --write qa_service/topics/words.json
    python -m benchmarks.train_drift meaning rows.jsonl.gz --write qa_service/topics/meaning.json

Each line of the file is one question with the conversation before it, as JSON:

    id        names the row
    set       only rows of the set `core` are learned from; others may have labels that mean something else
    source    the data set that the row is from
    license   the licence of that data set; rows without one, and under one that forbids derived work, are left out
    lang      the language of the question, such as `ko`
    tag       `ellipsis` and `dependent` mark follow-ups that can't be understood alone; any other text is allowed
    history   the messages before the question, oldest first, each `{role: user or assistant, text}`
    question  the question
    label     `continue` if the question goes on with the topic, `shift` if it begins another one

The threshold comes from scores that were cross-validated by conversation, with the detector's rules applied.
"""

import argparse
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from benchmarks.drift_score import session_of
from benchmarks.logistic import fit_logistic
from qa_service.language.encoder import load_encoder
from qa_service.search_interfaces import Encoder
from qa_service.topics.detector import judge_likeness
from qa_service.topics.features import compute_features, is_unknown_language
from qa_service.topics.meaning import compare_meaning
from qa_service.topics.scoring import Likeness
from qa_service.topics.weights import MeaningWeights, Weights

Row: TypeAlias = Mapping[str, Any]
Vector: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = NDArray[np.float32]

FOLDS = 5
RARE = 15
"""Features that fewer rows have than this are left out."""
PENALTY, PENALTY_OF_VECTORS = 3.0, 400.0
KEPT = 0.98
"""The threshold keeps this share of all follow-ups, of the elliptic and of the Korean ones, in cross-validation."""
KEPT_ELSEWHERE = 0.99
"""The threshold keeps this share of the follow-ups in languages that the cues don't know. It is larger because the rows
have few of the world's languages."""
SAME_TEXT = 25
"""Two rows that share a message with more characters than this are of one conversation."""
_FORBIDDEN = re.compile(r"\bND\b|none|unknown|^$", re.IGNORECASE)


class Sample(Struct, frozen=True):
    """A `Sample` holds what is learned from: the features of each row, and the vectors where there is an encoder."""

    rows: Sequence[Row]
    numbers: Sequence[Mapping[str, float]]
    vectors: Matrix
    """A line has the question's vector, and its products with those of the conversation and of the last answer. Without
    an encoder it has no column."""

    @property
    def labels(self) -> NDArray[np.bool_]:
        return np.array([row["label"] == "shift" for row in self.rows])


def main() -> None:
    options = _options()
    rows = [row for row in _read(options.rows) if row["set"] == "core" and allowed(row["license"])]
    encoder = load_encoder() if options.kind == "meaning" else None
    sample = describe(rows, encoder)
    folds = np.array([crc32(name.encode()) % FOLDS for name in conversations(rows)])
    scores = np.zeros(len(rows))
    for fold in range(FOLDS):
        weights = fit(sample, np.flatnonzero(folds != fold))
        scores[folds == fold] = score_rows(weights, sample, np.flatnonzero(folds == fold))
    threshold = operating_point(rows, scores)
    lowered = caution(rows, scores, threshold)
    scores = np.where(abroad(rows), _chance(_logit(scores) - lowered), scores)
    report(rows, scores, threshold)
    if options.scores:
        _write_scores(options.scores, rows, scores)
    if options.write:
        final = fit(sample, np.arange(len(rows)))
        careful = {**final.weights, "elsewhere": final.weights["elsewhere"] - lowered}
        sources = {row["source"]: row["license"] for row in rows}
        final = structs.replace(final, threshold=threshold, weights=careful, sources=sources)
        options.write.write_text(encoded(structs.replace(final, encoder=encoder.name if encoder else "")))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("words", "meaning"), help="what questions are compared by")
    parser.add_argument("rows", type=Path)
    parser.add_argument("--write", type=Path, help="where the weights go")
    parser.add_argument("--scores", type=Path, help="where the cross-validated scores go, as {id: score}")
    return parser.parse_args()


def _read(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _write_scores(path: Path, rows: Sequence[Row], scores: Vector) -> None:
    path.write_text(json.dumps({row["id"]: float(score) for row, score in zip(rows, scores, strict=True)}))


def describe(rows: Sequence[Row], encoder: Encoder | None) -> Sample:
    """Compute what is learned from. With an encoder this takes some minutes."""
    numbers, vectors = [], []
    for row in rows:
        context = session_of(row["history"]).context
        features: Mapping[str, float] = compute_features(row["question"], context)
        if encoder:
            compared = compare_meaning(encoder, row["question"], context)
            features = {**features, **compared.numbers()}
            asked = compared.question
            vectors.append(np.concatenate([asked, asked * compared.context, asked * compared.answer]))
        numbers.append(features)
    return Sample(rows, numbers, np.array(vectors, np.float32).reshape(len(rows), -1))


def allowed(licence: str) -> bool:
    """Tell whether weights may be derived from rows under this licence."""
    return not _FORBIDDEN.search(licence)


def conversations(rows: Sequence[Row]) -> list[str]:
    """Name the conversation of each row. Rows that share a long message are of the same conversation."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for row in rows:
        for message in row["history"]:
            if len(message["text"]) > SAME_TEXT:
                parent[root(f"{row['source']} {message['text']}")] = root(row["id"])
    return [root(row["id"]) for row in rows]


def fit(sample: Sample, chosen: NDArray[np.intp]) -> Weights:
    """Fit a penalised logistic regression. Rows of small sources count more than others."""
    names = _common(sample.numbers[index] for index in chosen)
    named = np.array([[sample.numbers[index].get(name, 0.0) for name in names] for index in chosen], np.float32)
    sizes = Counter(row["source"] for row in sample.rows)
    importance = np.array([(400 / sizes[sample.rows[index]["source"]]) ** 0.5 for index in chosen])
    marks = np.array([name.startswith("form ") for name in names])
    scale = np.where(marks, 1.0, named.std(0) + 1e-9)
    centre = np.where(marks, 0.0, named.mean(0))
    width = sample.vectors.shape[1] // 3
    # A vector's numbers are about 1/√512 each, and a product of two about 1/512.
    sizes_of_vectors = np.repeat([width**0.5, width, width], width) if width else np.zeros(0)
    matrix = np.c_[(named - centre) / scale, sample.vectors[chosen] * sizes_of_vectors].astype(np.float32)
    penalty = np.r_[np.full(len(names), PENALTY), np.full(3 * width, PENALTY_OF_VECTORS)]
    solution = fit_logistic(matrix, sample.labels[chosen], importance, penalty)
    slopes = solution[: len(names)] / scale
    return Weights(
        bias=float(solution[-1] - slopes @ centre),
        threshold=0.5,
        weights=dict(zip(names, slopes.tolist(), strict=True)),
        meaning=_split(solution[len(names) : -1] * sizes_of_vectors) if width else None,
    )


def _split(weights: Vector) -> MeaningWeights:
    return MeaningWeights(*(tuple(part.tolist()) for part in np.split(weights, 3)))


def _common(numbers: Iterable[Mapping[str, float]]) -> list[str]:
    counts = Counter(name for features_of_row in numbers for name, number in features_of_row.items() if number)
    return sorted(name for name, count in counts.items() if count >= RARE)


def score_rows(weights: Weights, sample: Sample, chosen: NDArray[np.intp]) -> list[float]:
    """Score the chosen rows as the detector does with these weights, with its rules applied."""
    columns = np.zeros(0)
    if weights.meaning:
        columns = np.concatenate([weights.meaning.question, weights.meaning.context, weights.meaning.answer])
    scores = []
    for index in chosen:
        row, numbers = sample.rows[index], sample.numbers[index]
        like = Likeness(numbers, weights.logit(numbers) + float(sample.vectors[index] @ columns))
        context = session_of(row["history"]).context
        scores.append(judge_likeness(row["question"], context, like, weights.threshold).score)
    return scores


def operating_point(rows: Sequence[Row], scores: Vector) -> float:
    """Find the lowest threshold that keeps enough of the follow-ups, of the elliptic ones and of the Korean ones."""
    follow_ups = np.array([row["label"] == "continue" for row in rows])
    elliptic = np.array([row["tag"] in {"ellipsis", "dependent"} for row in rows])
    korean = np.array([row["lang"] == "ko" for row in rows])
    groups = (follow_ups, follow_ups & elliptic, follow_ups & korean)
    return round(max(float(np.quantile(scores[group], KEPT, method="higher")) for group in groups) + 5e-5, 4)


def caution(rows: Sequence[Row], scores: Vector, threshold: float) -> float:
    """Compute by how much a question's logit is lowered where the cues don't know the question's language."""
    follow_ups = np.array([row["label"] == "continue" for row in rows])
    reached = float(np.quantile(scores[abroad(rows) & follow_ups], KEPT_ELSEWHERE, method="higher"))
    return max(0.0, float(_logit(reached) - _logit(threshold)))


def abroad(rows: Sequence[Row]) -> NDArray[np.bool_]:
    """Tell for each question whether it is in a language that the cues don't know."""
    return np.array([is_unknown_language(row["question"]) for row in rows])


def _logit(scores: Vector | float) -> Any:
    return np.log(scores) - np.log1p(-np.asarray(scores))


def _chance(logits: Vector) -> Vector:
    return 1 / (1 + np.exp(-logits))


def report(rows: Sequence[Row], scores: Vector, threshold: float) -> None:
    """Print a line for each language: how many follow-ups stay and how many shifts are found, cross-validated."""
    shift = np.array([row["label"] == "shift" for row in rows])
    elliptic = np.array([row["tag"] in {"ellipsis", "dependent"} for row in rows])
    languages = np.array([row["lang"] for row in rows])
    print(f"threshold {threshold}")
    for language in ("all", *sorted(set(languages))):
        chosen = (languages == language) | (language == "all")
        kept, tied, found = (
            np.mean(scores[chosen & ~shift] < threshold),
            np.mean(scores[chosen & ~shift & elliptic] < threshold),
            np.mean(scores[chosen & shift] >= threshold),
        )
        print(
            f"{language:4} {chosen.sum():6} rows  kept {kept:.3f}  elliptic kept {tied:.3f}  shifts found {found:.3f}"
        )


def encoded(weights: Weights) -> str:
    """Write the weights as they are shipped: sorted, with few digits."""
    rounded = {name: round(weight, 4) for name, weight in sorted(weights.weights.items())}
    content = structs.asdict(weights) | {"bias": round(weights.bias, 4), "weights": rounded, "meaning": None}
    if weights.meaning:
        columns = structs.asdict(weights.meaning).items()
        content["meaning"] = {name: [round(weight, 2) for weight in column] for name, column in columns}
    lines = (f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in content.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    main()
