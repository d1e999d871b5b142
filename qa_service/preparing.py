"""This module prepares an answer: it reads the files of the question, finds passages, and builds the prompt."""

from collections.abc import Iterator, Sequence
from functools import partial

from msgspec.structs import asdict, replace

from qa_service.answer_parts import Parts
from qa_service.batches import FileBatch, TakenFile
from qa_service.draft import Draft
from qa_service.errors import Cancelled
from qa_service.frames import Frame, StageNotice
from qa_service.intake import FilePlace, Intake
from qa_service.interfaces import Stop
from qa_service.language.sentences import language_of
from qa_service.listing import mention_files, order_files
from qa_service.model import Passage, Prompt, Verdict
from qa_service.pictures import (
    ShownPicture,
    can_see,
    choose_fitting_pictures,
    choose_pictures,
    name_pictures,
    show_pictures,
)
from qa_service.prompting import Material, build_prompt, compute_budget
from qa_service.summaries import is_long_topic
from qa_service.turns import Admission, name_file


def read_files(draft: Draft, parts: Parts, stop: Stop) -> Iterator[Frame]:
    """Read the files of the question, and give the progress and a verdict for each. Raises `Cancelled` where the answer
    is stopped before all of them are read."""
    admission, uploads = draft.admission, draft.admission.question.files
    owner, session_id, topic = admission.question.owner, admission.session.session_id, admission.topic.index
    ids = [name_file(admission.answer_id, number) for number in range(1, len(uploads) + 1)]
    places = [FilePlace(owner, session_id, file_id, topic) for file_id in ids]
    batch, taken = FileBatch(Intake(parts.files, parts.quotas, parts.reader), draft.files, stop), 0
    for news in batch.take_in_all(tuple(zip(uploads, places, strict=True))):
        if isinstance(news, TakenFile):
            taken += 1
            yield _add_file(news, draft, parts)
        else:
            yield news
    draft.sort_files(ids)
    if uploads and stop.is_set():
        draft.verdicts += [Verdict(unread.name, "unknown", "skipped", "stopped") for unread in uploads[taken:]]
        raise Cancelled


def _add_file(taken: TakenFile, draft: Draft, parts: Parts) -> Frame:
    draft.add_file(taken.stored, taken.verdict)
    if not can_see(parts.upstream, draft.admission.model):
        draft.note_unseen()
    # Each field of a verdict is a field of the notice, too.
    return StageNotice("file", **asdict(draft.verdicts[-1]))


def prepare_prompt(draft: Draft, parts: Parts) -> Iterator[Frame]:
    """Find the passages for the question, and leave the prompt with the draft."""
    admission, question = draft.admission, draft.admission.question
    passages: tuple[Passage, ...] = ()
    knowledge = parts.open_knowledge(question)
    if knowledge or any(file.passages for file in draft.files):
        yield StageNotice("retrieving")
        passages = parts.search.find_passages(question, admission.session, draft.files, knowledge)
    budget = compute_budget(parts.site, admission.model)
    session = admission.session
    material = Material(
        session.context,
        passages,
        pinned={file.file_id for file in draft.files[len(draft.files) - len(question.files) :]},
        pieces=sum(file.passages for file in draft.files if file.topic == session.topic),
        summary=session.summary,
        files=order_files(draft.files, session.topic),
        is_knowledge_searched=knowledge is not None,
    )
    draft.is_long_topic = is_long_topic(material, parts.site, admission.model)
    rebuild = partial(_build_prompt, admission, parts, material, _load_pictures(draft, parts, budget))
    draft.keep_prompt(rebuild(budget), rebuild)


def _build_prompt(
    admission: Admission, parts: Parts, material: Material, pictures: Sequence[ShownPicture], budget: int
) -> Prompt:
    """Build a prompt that has at most about `budget` tokens."""
    question, language = admission.question, language_of(admission.question.text)
    shown = choose_fitting_pictures(pictures, budget)
    site = replace(parts.site, context_tokens=max(1, budget - sum(picture.tokens for picture in shown)))
    prompt = build_prompt(question, material, site=site, model=admission.model, language=language)
    identifier = parts.safety_identifier(question.owner.key + question.owner.address)
    prompt = mention_files(show_pictures(prompt, shown, language), material.files, budget)
    return replace(prompt, safety_identifier=identifier, is_knowledge_searched=material.is_knowledge_searched)


def _load_pictures(draft: Draft, parts: Parts, budget: int) -> Sequence[ShownPicture]:
    """Load the pictures for the prompt. Where the model sees none, the verdicts on the session's files say so."""
    if not draft.files:
        return ()
    if not can_see(parts.upstream, draft.admission.model):
        draft.note_unseen()
        return ()
    chosen = choose_pictures(list({file.file_id: file for file in draft.files}.values()), budget)
    owner, session_id = draft.admission.question.owner, draft.admission.session.session_id
    loaded = parts.files.load_pictures(owner, session_id, [choice.file for choice in chosen]) if chosen else ()
    return [shown for choice, found in zip(chosen, loaded, strict=True) for shown in name_pictures(choice, found)]
