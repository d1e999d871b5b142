/**
 * This module shows a conversation: its turns in order, and the answer that is coming.
 *
 * At most one answer is listened to, which is that of the last turn. `running` tells how far it has come:
 *
 * | state     | is told by                | what comes next                                                                   |
 * | --------- | ------------------------- | --------------------------------------------------------------------------------- |
 * | quiet     | `running` is null         | `ask` sends a question; `load` and `reconnect` follow an answer whose id is known |
 * | sent      | `turn.answerId` is empty  | the frame `start` brings the id, or the question is refused                       |
 * | answering | `turn.answerId` is there  | the frame `done` ends the turn                                                    |
 * | lost      | `running.lost`            | the client comes back by itself, or gives up, and the turn is cut and can be      |
 * |           |                           | reconnected                                                                       |
 * | stopping  | `running.unwanted`        | the server ends the stream; where the server doesn't know the answer yet, or      |
 * |           |                           | can't be reached, this side ends it                                               |
 *
 * Each call of `#follow` has a record of its own in `running`, and does nothing more when another one is there, or null.
 * So whoever leaves an answer only takes the record away. The answer goes on at the server, and `load` finds it again.
 *
 * A question is sent again under the same key as long as nobody knows whether it has arrived, so that it is answered
 * once. One that has an answer's id is asked again under a new key, with that id in `replaces`. The turns whose place it
 * takes are gone from the page at once. `turn.replaced` keeps them until `start` says that they are gone from the server
 * too, and a refusal before that brings them back.
 */

import { inOwnWords, Problem } from "./api.js";
import { shownName } from "./attachments.js";
import { element } from "./element.js";
import { Pace } from "./pace.js";
import { keepPlace } from "./place.js";
import { Turn } from "./turn.js";
import { say, words } from "./words.js";

/** A key that nobody can guess. Pages over plain http have no `randomUUID`. */
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(24))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * It calls `asked(question)`, `began(sessionId, title, before)` when the server has taken a question, which may
 * have replaced the first one, whose title was `before`, `changed()`,
 * `refused(asked)` with the question and its files, `locked(again)`, `complain(text)` and `ended(turn)` of its `listener`.
 * `shared` has what all parts of one element share: `service`, `announce(text)`, `openSource(source, findNumber)`,
 * `config()` and the names of the `collections` that are searched.
 */
export class Conversation {
  constructor(node, { shared, listener }) {
    Object.assign(this, { node, listener, service: shared.service });
    this.actions = {
      ...shared,
      reconnect: (turn) => this.#follow(turn, { answerId: turn.answerId }),
      retry: (turn) => this.#retry(turn),
      regenerate: (turn) => this.#replace(turn),
      edit: (turn, question) => this.#replace(turn, { question, topic: turn.asked?.topic }),
      rate: (turn, rating) => this.#rate(turn, rating),
      hasSession: () => Boolean(this.sessionId),
      reopen: (topic) => this.#reopen(topic),
      complain: (text) => listener.complain(text),
    };
    this.clear();
  }

  get answering() {
    return this.running !== null;
  }

  get isEmpty() {
    return !this.turns.length;
  }

  /** Leave the conversation. An answer that is still coming goes on without this reader. */
  clear() {
    this.#leaveAnswer();
    Object.assign(this, { sessionId: "", turns: [], wanted: "" });
    this.node.replaceChildren();
  }

  /** Stop listening to the answer that is coming. */
  #leaveAnswer() {
    this.running?.controller.abort();
    this.running = null;
  }

  /**
   * Ask, and show the answer as it comes. `topic` is `auto`, `keep` or `new`. `replaces` is the id of an answer whose
   * place the question takes, and `instead` has the turns that were shown there.
   */
  ask({ question, files = [], topic = "auto", webSearch = false, model = "", collections = this.actions.collections, replaces = "", key = newKey(), instead = [] }) {
    const asked = { question, files, topic, webSearch, model, collections, replaces, key };
    this.listener.asked(asked);
    const shown = question || words("whatIsIn");
    const turn = new Turn({ question: shown, files: files.map(shownName), earlier: namesOf(this.turns) }, this.actions);
    Object.assign(turn, { asked, replaced: instead });
    this.turns.at(-1)?.growOld();
    this.turns.push(turn);
    this.node.append(turn.node);
    return this.#follow(turn, { fields: fieldsOf(asked, this.sessionId), key });
  }

  /**
   * Stop the answer. The server keeps what there is, and ends the stream by itself. A second stop while the server can't
   * be reached ends the wait for it.
   */
  stop() {
    const { running } = this;
    if (!running) return;
    if (running.unwanted && running.lost) running.controller.abort();
    running.unwanted = true;
    running.turn.stopping();
    this.#cancel(running);
  }

  /** Tell the server to stop. If that is lost, `#noteState` tells it again over the next connection. */
  #cancel({ answer }) {
    answer.cancel().catch(() => {});
  }

  /**
   * Show a stored conversation, and go on listening if it is being answered. Of two that are asked for one after another,
   * the first is not shown, even if it comes later. Returns the conversation's title, or null for one that isn't shown.
   */
  async load(sessionId) {
    this.wanted = sessionId;
    const session = await this.service.fetchJson(sessionPath(sessionId));
    if (this.wanted !== sessionId) return null;
    this.clear();
    this.sessionId = sessionId;
    this.#showEarlier(session);
    this.listener.changed();
    const last = this.turns.at(-1);
    if (last?.status === "running") this.actions.reconnect(last);
    return session.title;
  }

  #showEarlier(session) {
    const turns = [];
    for (const stored of session.turns.toReversed()) turns.push(this.#restored(stored, namesOf(turns)));
    this.turns.unshift(...turns);
    this.node.prepend(...turns.map(({ node }) => node));
    for (const [at, turn] of this.turns.entries()) this.#mark(turn, at);
    for (const turn of this.turns.slice(0, -1)) turn.growOld();
    if (session.next) this.node.prepend(this.#earlierButton(session.next));
  }

  #restored(stored, earlier) {
    const turn = new Turn({ question: stored.question, topic: stored.topic, earlier }, this.actions);
    Object.assign(turn, { answerId: stored.answerId, verdictsCame: true });
    if (stored.status !== "running") turn.fill(stored);
    return turn;
  }

  #earlierButton(cursor) {
    const button = say(element("button", { type: "button", class: "text earlier" }), "earlier");
    button.addEventListener("click", () => this.#loadEarlier(button, cursor));
    return button;
  }

  /** Show the turns before those that are shown. What the reader looks at stays where it is. */
  async #loadEarlier(button, cursor) {
    const { sessionId } = this;
    button.disabled = true;
    try {
      const page = await this.service.fetchJson(`${sessionPath(sessionId)}?cursor=${encodeURIComponent(cursor)}`);
      if (this.sessionId !== sessionId) return;
      const first = button.nextElementSibling;
      const hadFocus = button.matches(":focus");
      keepPlace(first, () => {
        button.remove();
        this.#showEarlier(page);
      });
      if (hadFocus) focusWithoutMoving(first.previousElementSibling);
    } catch (problem) {
      button.disabled = false;
      this.listener.complain(problem.message);
    }
  }

  /** Listen to an answer to its end. `question` has the `fields` and the `key` to ask with, or an `answerId`. */
  async #follow(turn, question) {
    const controller = new AbortController();
    const mine = (this.running = { turn, controller, asks: "fields" in question, unwanted: false, lost: false });
    if (turn.status !== "running" || turn.prose.text) turn.rewind();
    this.listener.changed();
    const onState = (state) => this.running === mine && this.#noteState(mine, state);
    try {
      const pace = new Pace();
      mine.answer = this.service.follow(question, { signal: controller.signal, onState });
      for await (const frame of mine.answer) {
        if (this.running !== mine) return;
        await pace.act(() => this.#take(mine, frame));
      }
      if (turn.status === "running") turn.cut();
    } catch (error) {
      if (this.running === mine) this.#broken(turn, inOwnWords(error), controller.signal);
    }
    if (this.running !== mine) return;
    this.running = null;
    this.listener.changed();
    this.listener.ended(turn);
  }

  #take(running, frame) {
    const { turn } = running;
    turn.take(frame);
    if (frame.type !== "start") return;
    const { sessionId } = frame.content;
    Object.assign(this, { sessionId, wanted: sessionId });
    const [before] = turn.replaced ?? [];
    turn.replaced = [];
    const at = this.turns.indexOf(turn);
    this.#mark(turn, at);
    if (running.asks) this.listener.began(sessionId, this.turns[0].question, at ? "" : before?.question);
  }

  /** Show whether there is a connection. A stop that was lost is told again over the next one. */
  #noteState(running, state) {
    running.lost = state === "reconnecting";
    if (running.lost) running.turn.take({ type: "lost" });
    else if (state === "streaming") running.turn.take({ type: "found" });
    if (state === "streaming" && running.unwanted) this.#cancel(running);
  }

  /** Show a divider if the turn at this place has another topic than the one before it. A refused question has none. */
  #mark(turn, at) {
    const previous = this.turns.slice(0, at).findLast(({ topic }) => topic);
    if (!previous || !turn.topic || previous.topic === turn.topic) return;
    turn.mark(turn.topic < previous.topic ? "backToTopic" : "newTopicMark", previous.topic);
  }

  /** Go back to another topic, to which the next question will belong. */
  #reopen(topic) {
    return this.service.fetchJson(`${sessionPath(this.sessionId)}/topics/${Number(topic)}/reopen`, { method: "POST" });
  }

  /** The stream ended before its answer did: it was stopped here, or lost for good, or the question was refused. */
  #broken(turn, error, signal) {
    if (turn.answerId && (signal.aborted || error.retryable)) turn.cut(signal.aborted ? undefined : error);
    else if (signal.aborted) turn.on_done({ status: "cancelled" });
    else if (error instanceof Problem) this.#refused(turn, error);
    else {
      turn.fail(new Problem({ retryable: true }));
      reportError(error);
    }
  }

  #refused(turn, problem) {
    const gone = turn.answerId && problem.status === 404;
    // Nobody knows whether a question arrived that the network has lost, so it can't be taken back.
    if (!turn.answerId && turn.replaced?.length && problem.code !== "network") return this.#takeBack(turn, problem);
    turn.fail(gone ? new Problem({ userMessage: words("answerGone"), retryable: true }) : problem);
    const again = () => (turn.answerId ? this.actions.reconnect(turn) : this.#retry(turn));
    if (problem.code === "unauthenticated") this.listener.locked(again);
    else if (!turn.answerId && !problem.retryable) this.listener.refused(turn.asked);
  }

  /**
   * Ask again. A question that may not have arrived keeps its key, so that it is answered once. One that has arrived is
   * asked anew, in the place of its answer.
   */
  #retry(turn) {
    if (turn.answerId) return this.#replace(turn);
    this.#removeFrom(turn);
    return this.ask({ ...turn.asked, instead: turn.replaced });
  }

  /**
   * Ask in the place of a turn, and remove what came after it. The server keeps the files of that turn, so that only
   * those are sent again that it may not have read.
   */
  #replace(turn, changed = {}) {
    const topic = this.#topicOf(turn);
    const files = turn.verdictsCame ? [] : turn.asked?.files;
    const replaces = turn.answerId || turn.asked?.replaces;
    this.#leaveAnswer();
    const hadFocus = turn.node.matches(":focus-within");
    const instead = this.#removeFrom(turn);
    const done = this.ask({ ...turn.asked, question: turn.question, files, replaces, topic, key: newKey(), instead, ...changed });
    if (hadFocus) focusWithoutMoving(this.turns.at(-1).node);
    return done;
  }

  /** The topic to ask for, so that a question which is asked again belongs to the same topic as before. */
  #topicOf(turn) {
    const before = this.turns[this.turns.indexOf(turn) - 1]?.topic;
    if (!before || !turn.topic) return turn.asked?.topic ?? "auto";
    if (turn.topic === before) return "keep";
    return turn.topic > before ? "new" : "auto";
  }

  /** Remove a turn and all turns after it. Returns them. */
  #removeFrom(turn) {
    const removed = this.turns.splice(this.turns.indexOf(turn));
    for (const { node } of removed) node.remove();
    return removed;
  }

  /** A question that was refused replaces nothing, so what it should have replaced is shown again. */
  #takeBack(turn, problem) {
    this.#removeFrom(turn);
    this.turns.push(...turn.replaced);
    this.node.append(...turn.replaced.map(({ node }) => node));
    if (problem.code === "unauthenticated") this.listener.locked(() => this.#replace(turn.replaced[0], { question: turn.question }));
    else this.listener.complain(problem.message);
  }

  /** Tell the server what an answer was worth. */
  #rate({ answerId }, rating) {
    const body = new URLSearchParams({ rating });
    return this.service.fetchJson(`answers/${encodeURIComponent(answerId)}/feedback`, { method: "POST", body });
  }
}

function sessionPath(sessionId) {
  return `sessions/${encodeURIComponent(sessionId)}`;
}

function focusWithoutMoving(node) {
  node.tabIndex = -1;
  node.focus({ preventScroll: true });
}

function namesOf(turns) {
  return turns.flatMap(({ verdicts }) => verdicts.names);
}

function fieldsOf({ question, files, topic, webSearch, model, collections, replaces }, sessionId) {
  const fields = { question, sessionId, topic, model, collections, replaces, useWebSearch: webSearch };
  return { ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value)), files };
}
