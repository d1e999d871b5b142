"""A prompt that is too long is recognized in the words of each server, with the share of it that fits."""

import json
import time

import httpx2
import pytest

from qa_service.errors import ContextLength
from qa_service.upstream.failures import map_error, read_refusal
from qa_service.upstream.too_long import TOLD, read_fitting_share

pytestmark = pytest.mark.usefixtures("no_collections")

REQUEST = httpx2.Request("POST", "https://upstream.example/v1")
SAID = [
    (
        "OpenAI",
        "This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens.",
        0.74,
    ),
    ("OpenAI's Responses", "Your input exceeds the context window of this model. Please adjust your input.", 0.5),
    (
        "OpenRouter",
        "This endpoint's maximum context length is 8192 tokens. However, you requested about 16400 tokens (16384 of "
        "text input, 16 in the output).",
        0.45,
    ),
    ("Groq", "Please reduce the length of the messages or completion.", 0.5),
    (
        "vLLM",
        "This model's maximum context length is 2048 tokens. However, your request has 8192 input tokens. Please "
        "reduce the length of the input messages.",
        0.225,
    ),
    (
        "vLLM's later releases",
        "You passed 8001 input tokens and requested 96 output tokens. However, the model's context length is only 4096 "
        "tokens, resulting in a maximum input length of 4000 tokens.",
        0.45,
    ),
    ("vLLM's decoder", "The decoder prompt (length 8192) is longer than the maximum model length of 4096.", 0.45),
    ("SGLang", "The input (40960 tokens) is longer than the model's context length (4096 tokens).", 0.09),
    (
        "SGLang's sum",
        "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of "
        "8200 tokens: 8192 tokens from the input messages and 8 tokens for the completion.",
        0.45,
    ),
    ("llama.cpp", "request (8192 tokens) exceeds the available context size (4096 tokens), try increasing it", 0.45),
    ("TGI", "Input validation error: `inputs` must have less than 1024 tokens. Given: 2048", 0.45),
    (
        "TGI's sum",
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 8192 `inputs` tokens and 9 "
        "`max_new_tokens`",
        0.45,
    ),
    ("Ollama", "the input length exceeds the context length", 0.5),
    (
        "LM Studio",
        "Trying to keep the first 8192 tokens when context the overflows. However, the model is loaded with context "
        "length of only 4096 tokens, which is not enough.",
        0.45,
    ),
    ("TensorRT-LLM", "Prompt length (8192) exceeds maximum input length (4096)", 0.45),
    ("Anthropic", "prompt is too long: 400000 tokens > 200000 maximum", 0.45),
    ("Gemini", "The input token count (2097152) exceeds the maximum number of tokens allowed (1048576).", 0.45),
    ("Bedrock", "Input is too long for requested model.", 0.5),
    ("Mistral", "Prompt contains 65536 tokens, too large for model with 32768 maximum context length", 0.45),
    ("Cohere", "total number of tokens in the prompt cannot exceed 4096 - received 8192. Try a shorter prompt.", 0.45),
    ("xAI", "This model's maximum prompt length is 4096 but the request contains 8192 tokens.", 0.45),
    ("GitHub", "prompt token count of 8192 exceeds the limit of 4096", 0.45),
    ("hardly too long", "This model's maximum context length is 4096 tokens, and the prompt has 4097 tokens.", 0.8),
    ("far too long", "This model's maximum context length is 4096 tokens, and the prompt has 900000 tokens.", 0.05),
]


def refused(body: object, status: int = 400) -> Exception:
    content = httpx2.ByteStream(json.dumps(body).encode())
    return map_error(read_refusal(httpx2.Response(status, stream=content, request=REQUEST)))


@pytest.mark.parametrize(
    ("words", "share"), [(words, share) for _, words, share in SAID], ids=[who for who, *_ in SAID]
)
def test_every_servers_words_are_understood(words: str, share: float) -> None:
    for body in ({"error": {"message": words, "code": 400}}, {"error": words}, {"object": "error", "message": words}):
        error = refused(body)
        assert isinstance(error, ContextLength)
        assert error.fitting == pytest.approx(share, abs=0.01)
        assert words not in str(error)


def test_llama_cpp_tells_its_numbers_in_fields() -> None:
    told = {"code": 400, "message": "the request exceeds the available context size, try increasing it"}
    error = refused({"error": {**told, "type": "exceed_context_size_error", "n_prompt_tokens": 8192, "n_ctx": 4096}})
    assert isinstance(error, ContextLength)
    assert error.fitting == pytest.approx(0.45)


@pytest.mark.parametrize(
    "words",
    [
        "max_tokens is too large: 99999. This model supports at most 4096 completion tokens.",
        "The model does not support images.",
        "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'.",
        "temperature must be between 0 and 2",
        "The prompt is required.",
        "Your input image may contain content that is not allowed by our safety system.",
    ],
)
def test_other_refusals_are_others(words: str) -> None:
    assert not isinstance(refused({"error": {"message": words}}), ContextLength)


@pytest.mark.parametrize("piece", ["context length is ", "9" * 9 + " ", "prompt input ", "`inputs` ", "tokens ", "(1"])
def test_hostile_words_cost_little(piece: str) -> None:
    began = time.thread_time()
    words = piece * (64 * 1024 // len(piece))
    assert 0 < read_fitting_share(words) <= 1
    TOLD.search(words)
    assert time.thread_time() - began < 0.2
