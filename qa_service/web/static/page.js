/** This module builds the parts of the page once, and tells each part what the others did. */

import { fetchJson } from "./api.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { drawIcons } from "./element.js";
import { Follow } from "./follow.js";
import { History, currentSession, setCurrentSession } from "./history.js";
import { KeptFiles } from "./kept.js";
import { currentKey, keepKey, takeKeyFromAddress } from "./key.js";
import { prepareSourceDialog } from "./sources.js";
import { choose, language, reword, say, size, words } from "./words.js";

const at = (id) => document.getElementById(id);

/** The limits until the server has told its own. The page refuses nothing that the server might take. */
const UNKNOWN = { limits: { question: Infinity, files: Infinity, fileBytes: Infinity, bodyBytes: Infinity }, caller: { kind: "anonymous" } };

const limits = { ...UNKNOWN.limits };
const conversation = new Conversation(at("conversation"), {
  began,
  changed,
  complain: (text) => composer.complain(text),
  locked,
  refused: (question) => composer.giveBack(question),
});
const composer = new Composer(at("composer"), { limits, listener: { ask, stop: () => conversation.stop() } });
const past = new History(at("history"), { open, gone: (sessionId) => sessionId === conversation.sessionId && leave() });
const kept = new KeptFiles(at("kept"));
const follow = new Follow(at("to-bottom"));

function ask(asked) {
  conversation.ask(asked);
  follow.toEnd();
}

function began(sessionId, title) {
  past.touch(sessionId, title);
  changed();
}

function changed() {
  const { answering, isEmpty, sessionId } = conversation;
  document.body.classList.toggle("empty", isEmpty);
  at("welcome").hidden = !isEmpty;
  composer.show({ answering, canChangeTopic: !isEmpty });
  setCurrentSession(sessionId);
  past.show(sessionId);
  if (!answering) kept.load(sessionId);
}

/** Show a past conversation. One that the server doesn't have any more leaves the list. */
async function open(sessionId) {
  closeShelf();
  try {
    await conversation.load(sessionId);
    follow.toEnd();
  } catch (problem) {
    if (problem.code === "unauthenticated") return locked(() => open(sessionId));
    if (problem.status === 404) past.forget(sessionId);
    composer.complain(problem.status === 404 ? words("sessionGone") : problem.message);
    if (problem.status === 404) setCurrentSession("");
  }
}

function leave() {
  closeShelf();
  conversation.clear();
  changed();
  composer.field.focus();
}

function closeShelf() {
  if (at("shelf").matches(":popover-open")) at("shelf").hidePopover();
}

/** Ask the person for a key, and then do again what the service refused without one. */
function locked(again) {
  const dialog = at("key");
  const field = dialog.querySelector("input");
  dialog.querySelector('[data-part="wrong"]').hidden = !currentKey();
  keepKey("");
  dialog.querySelector("form").onsubmit = (event) => {
    event.preventDefault();
    if (!field.value.trim()) return;
    keepKey(field.value);
    field.value = "";
    dialog.close();
    start().then(again);
  };
  if (!dialog.open) dialog.showModal();
}

/** Ask the server what it takes and who we are. */
async function start() {
  const config = await fetchJson("config").catch((problem) => {
    if (problem.code === "unauthenticated") locked(() => {});
    else composer.complain(problem.message);
    return UNKNOWN;
  });
  Object.assign(limits, config.limits);
  composer.offer(config);
  at("offline").hidden = config.upstream !== "offline";
  at("version").textContent = config.version ?? "";
  at("history-note").hidden = config.caller.kind !== "anonymous";
  at("kinds").textContent = (config.kinds ?? []).join(" · ");
  if (limits.files < Infinity) say(at("drop-limits"), "dropLimits", { files: limits.files, each: size(limits.fileBytes) });
  await past.load(config.caller);
}

function wire() {
  drawIcons(document);
  reword(document);
  prepareSourceDialog();
  at("language").value = language();
  at("language").addEventListener("change", (event) => {
    choose(event.target.value);
    past.show(conversation.sessionId);
  });
  at("drop-zone").addEventListener("click", () => composer.attachments.picker.click());
  for (const button of document.querySelectorAll("[data-new]")) button.addEventListener("click", leave);
  for (const example of document.querySelectorAll("[data-example]")) {
    example.addEventListener("click", () => composer.write(example.textContent));
  }
  at("key").querySelector('[data-part="close"]').addEventListener("click", () => at("key").close());
}

takeKeyFromAddress(() => confirm(words("keyOfLink")));
wire();
await start();
if (currentSession()) await open(currentSession());
