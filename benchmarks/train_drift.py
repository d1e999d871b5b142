"""Train the drift detector's weights from labelled questions. This needs numpy, which the service doesn't.

    python -m benchmarks.train_drift dev.jsonl.gz --write qa_service/topics/weights.json

Each line of the file is `{id, set, source, lang, license, tag, history: [{role, text}], question, label}`. Only rows of
the core set whose licence allows derived work are learned from. The threshold comes from scores that were
cross-validated by conversation, with the detector's rules applied.
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
from numpy.typing import NDArray

from benchmarks.drift_score import session_of
from qa_service.topics.detector import LearnedDrift
from qa_service.topics.features import compute_features, is_unknown_language
from qa_service.topics.weights import Weights

Row: TypeAlias = Mapping[str, Any]
Vector: TypeAlias = NDArray[np.float64]

FOLDS = 5
RARE = 15
"""Features that fewer rows have than this are left out."""
PENALTY = 3.0
KEPT = 0.98
"""The threshold keeps this share of all follow-ups, of the elliptic and of the Korean ones, in cross-validation."""
KEPT_ELSEWHERE = 0.99
"""The threshold keeps this share of the follow-ups in languages that the cues don't know. It is larger because the rows
have few of the world's languages."""
SAME_TEXT = 25
"""Two rows that share a message with more characters than this are of one conversation."""
_FORBIDDEN = re.compile(r"\bND\b|none|unknown|^$", re.IGNORECASE)


def main() -> None:
    options = _options()
    rows = [row for row in _read(options.rows) if row["set"] == "core" and allowed(row["license"])]
    folds = np.array([crc32(name.encode()) % FOLDS for name in conversations(rows)])
    numbers = [compute_features(row["question"], session_of(row["history"]).context) for row in rows]
    scores = np.zeros(len(rows))
    for fold in range(FOLDS):
        weights = fit(rows, numbers, np.flatnonzero(folds != fold))
        scores[folds == fold] = score_rows(weights, rows, np.flatnonzero(folds == fold))
    threshold = operating_point(rows, scores)
    lowered = caution(rows, scores, threshold)
    scores = np.where(abroad(rows), _chance(_logit(scores) - lowered), scores)
    report(rows, scores, threshold)
    final = fit(rows, numbers, np.arange(len(rows)))
    final = Weights(final.bias, final.threshold, {**final.weights, "elsewhere": final.weights["elsewhere"] - lowered})
    if options.scores:
        _write_scores(options.scores, rows, scores)
    if options.write:
        options.write.write_text(encoded(final, threshold), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--write", type=Path, help="where the weights go")
    parser.add_argument("--scores", type=Path, help="where the cross-validated scores go, as {id: score}")
    return parser.parse_args()


def _read(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _write_scores(path: Path, rows: Sequence[Row], scores: Vector) -> None:
    path.write_text(json.dumps({row["id"]: float(score) for row, score in zip(rows, scores, strict=True)}))


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


def fit(rows: Sequence[Row], numbers: Sequence[Mapping[str, float]], chosen: NDArray[np.intp]) -> Weights:
    """Fit a penalised logistic regression by Newton's method. Rows of small sources count more than others."""
    names = _common(numbers[index] for index in chosen)
    matrix = np.array([[numbers[index].get(name, 0.0) for name in names] for index in chosen], dtype=float)
    shift = np.array([rows[index]["label"] == "shift" for index in chosen], dtype=float)
    sizes = Counter(row["source"] for row in rows)
    importance = np.array([(400 / sizes[rows[index]["source"]]) ** 0.5 for index in chosen])
    marks = np.array([name.startswith("form ") for name in names])
    scale = np.where(marks, 1.0, matrix.std(0) + 1e-9)
    centre = np.where(marks, 0.0, matrix.mean(0))
    solution = _newton(np.c_[(matrix - centre) / scale, np.ones(len(chosen))], shift, importance)
    slopes = solution[:-1] / scale
    return Weights(
        bias=float(solution[-1] - slopes @ centre),
        threshold=0.5,
        weights=dict(zip(names, slopes.tolist(), strict=True)),
    )


def _common(numbers: Iterable[Mapping[str, float]]) -> list[str]:
    counts = Counter(name for features_of_row in numbers for name, number in features_of_row.items() if number)
    return sorted(name for name, count in counts.items() if count >= RARE)


def _newton(matrix: Vector, shift: Vector, importance: Vector) -> Vector:
    penalty = np.full(matrix.shape[1], PENALTY)
    penalty[-1] = 1e-6
    solution = np.zeros(matrix.shape[1])
    for _ in range(20):
        chance = _chance(matrix @ solution)
        gradient = matrix.T @ (importance * (chance - shift)) + penalty * solution
        curvature = (matrix * (importance * chance * (1 - chance))[:, None]).T @ matrix + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        solution -= step
        if np.abs(step).max() < 1e-6:
            break
    return solution


def score_rows(weights: Weights, rows: Sequence[Row], chosen: NDArray[np.intp]) -> list[float]:
    """Score the chosen rows as the detector does with these weights, with its rules applied."""
    detector = LearnedDrift(weights)
    return [detector.judge_topic(rows[index]["question"], session_of(rows[index]["history"])).score for index in chosen]


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


def encoded(weights: Weights, threshold: float) -> str:
    """Write the weights as they are shipped: sorted, with four digits."""
    rounded = {name: round(weight, 4) for name, weight in sorted(weights.weights.items())}
    content = {"bias": round(weights.bias, 4), "threshold": threshold, "weights": rounded}
    return json.dumps(content, ensure_ascii=False, indent=0) + "\n"


if __name__ == "__main__":
    main()
