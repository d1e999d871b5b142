"""This program measures how far the estimate of tokens is from their number in OpenAI's vocabulary `o200k`.

Run it as `python -m benchmarks.token_estimate`, with the extra `tokens` installed. It prints a row for each kind of
text: its characters, its tokens, and the estimate divided by them. The texts of languages are those of
`encoding_texts.json`; the others are files of this repository, or are made here.
"""

import json
import random
import sys
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from qa_service.language.vocabulary import TOKENS_EXTRA, load_vocabulary
from qa_service.retrieval.splitting import estimate_tokens

ROOT = Path(__file__).parents[1]


def collect_texts() -> Mapping[str, str]:
    """Return the texts by what they are."""
    luck = random.Random(7)
    languages = json.loads(Path(__file__).with_name("encoding_texts.json").read_text())
    rows = range(200)
    return {
        **{language: known["text"] for language, known in languages.items()},
        "Markdown": (ROOT / "docs/asking.md").read_text(),
        "Python": (ROOT / "qa_service/answering.py").read_text(),
        "numbers": "\n".join(",".join(f"{luck.random() * 10_000:.2f}" for _ in range(7)) for _ in rows),
        "a Korean table": "\n".join(f"{n}번 | 수수료 {n * 1200:,}원 | 2026-0{n % 9 + 1}-1{n % 9} | 접수" for n in rows),
        "JSON": json.dumps([{"id": n, "name": f"item {n}", "price": n * 37} for n in rows]),
        "addresses": "\n".join(f"https://www.example.com/products/{n * 7919:x}?source=mail&id={n}" for n in rows),
        "base64": b64encode(luck.randbytes(6_000)).decode(),
    }


def main() -> None:
    """Print the table."""
    count = load_vocabulary()
    if count is None:
        sys.exit(f"the vocabulary isn't installed: pip install '{TOKENS_EXTRA}'")
    print(f"{'text':16}{'characters':>12}{'tokens':>8}{'estimate':>10}")
    for name, text in collect_texts().items():
        tokens = count(text)
        print(f"{name:16}{len(text):12}{tokens:8}{estimate_tokens(text) / tokens:10.2f}")


if __name__ == "__main__":
    main()
