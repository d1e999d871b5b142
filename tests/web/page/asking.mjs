// What the page's modules promise about asking, as far as no browser is needed. The folder of the modules is the argument.

import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

class BrowserStorage extends Map {
  get length() { return this.size; }
  getItem(name) { return this.get(name) ?? null; }
  setItem(name, value) { this.set(name, String(value)); }
  removeItem(name) { this.delete(name); }
}

Object.defineProperty(globalThis, "navigator", { value: { language: "ko-KR" }, configurable: true });
globalThis.localStorage = new BrowserStorage();
globalThis.sessionStorage = new BrowserStorage();
globalThis.location = new URL("https://shop.example.com/help");
globalThis.addEventListener = () => {};

const folder = pathToFileURL(`${process.env.PAGE_MODULES}/`).href;
const module = (name) => import(`${folder}${name}`);
const { isSending } = await module("enter.js");
const { HEAD_BYTES, isUnreadable, kindOf } = await module("kinds.js");
const { shownName } = await module("attachments.js");
const { forgetDrafts, keepDraft, readDraft } = await module("drafts.js");
const { currentKey, keepKey } = await module("key.js");
const { Memory } = await module("storage.js");
const { fragmentOf, sessionOf } = await module("address.js");
const { curlOf } = await module("curl.js");
const { money } = await module("figures.js");
const { changeRemembered, readRemembered } = await module("remembered.js");
const { secondsLeft } = await module("retry.js");
const { choose, hasWords, language, words } = await module("words.js");
const { EN } = await module("words-en.js");
const { KO } = await module("words-ko.js");

const memory = new Memory(new URL("/api/", location));

/** The keys that send, of a row of events. Only `keydown` can send. */
const sent = (events, device) => events.filter(([type, event]) => type === "keydown" && isSending(event, device)).length;
const ENTER = { key: "Enter", isComposing: false, keyCode: 13 };
const COMPOSED = { key: "Enter", isComposing: true, keyCode: 229 };
const AFTER_COMPOSING = { key: "Enter", isComposing: false, keyCode: 229 };

test("Enter that ends a syllable sends nothing, as Chromium tells it", () => {
  assert.equal(sent([["keydown", COMPOSED], ["compositionend"], ["keyup", ENTER]]), 0);
});

test("Enter that ends a syllable sends nothing, as Safari tells it", () => {
  assert.equal(sent([["compositionend"], ["keydown", AFTER_COMPOSING], ["keyup", ENTER]]), 0);
});

test("Enter sends once where the browser tells it a second time after the syllable", () => {
  assert.equal(sent([["keydown", COMPOSED], ["compositionend"], ["keydown", ENTER], ["keyup", ENTER]]), 1);
});

test("the next Enter sends once, whichever browser composed the syllable", () => {
  for (const last of [[["keydown", COMPOSED], ["compositionend"]], [["compositionend"], ["keydown", AFTER_COMPOSING]]]) {
    assert.equal(sent([...last, ["keyup", ENTER], ["keydown", ENTER], ["keyup", ENTER]]), 1);
  }
});

test("Enter begins a new line with Shift, and on glass, where Ctrl and Enter still send", () => {
  assert.equal(isSending({ ...ENTER, shiftKey: true }), false);
  assert.equal(isSending(ENTER, { byTouch: true }), false);
  assert.equal(isSending({ ...ENTER, ctrlKey: true }, { byTouch: true }), true);
  assert.equal(isSending({ key: "a", keyCode: 65 }), false);
});

const bytes = (text) => Uint8Array.from(text, (sign) => sign.charCodeAt(0) & 0xff);
const utf8 = (text) => new TextEncoder().encode(text);
const KINDS = ["docx", "html", "jpeg", "pdf", "png", "rtf", "txt", "xls", "xlsx", "zip"];

test("a kind that the server can't read is known by its bytes, whatever its name is", () => {
  const films = "\x00\x00\x00\x20ftypisom\x00\x00\x02\x00";
  for (const [name, head] of [
    ["song.mp3", "ID3\x04\x00\x00"], ["report.pdf", films], ["photo.jpg", "\x00\x00\x00\x18ftypheic\x00"],
    ["a.7z", "7z\xbc\xaf\x27\x1c\x00"], ["setup.exe", "MZ\x90\x00\x03"], ["old.doc", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00"],
    ["font.ttf", "\x00\x01\x00\x00\x00\x0c"],
  ]) assert.equal(isUnreadable(name, bytes(head), KINDS), true, name);
});

test("what the server may be able to read is left to it", () => {
  for (const [name, head] of [
    ["a.pdf", bytes("%PDF-1.7\n%\xe2\xe3\xcf\xd3")], ["사진.png", bytes("\x89PNG\r\n\x1a\n\x00\x00")], ["a.docx", bytes("PK\x03\x04\x14\x00")],
    ["a.xls", bytes("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00")], ["a.hwp", bytes("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00")], ["메모.doc", utf8("글만 있는 파일이에요.")],
    ["main.py", utf8("print('안녕')\n")], ["MZ.txt", utf8("MZ세대는 무엇을 읽나요?")], ["song.mp3", utf8("ID3는 무엇인가요?")],
    ["unknown.xyz", bytes("\x00\x01\x02\x03")], ["utf16.txt", bytes("\xff\xfe\x48\x00\x69\x00")], ["empty.txt", bytes("")],
  ]) assert.equal(isUnreadable(name, head, KINDS), false, name);
});

test("a kind that the server learns is no longer refused, and none is before the server has told its kinds", () => {
  const song = bytes("ID3\x04\x00\x00");
  assert.equal(kindOf("song", song), "mp3");
  assert.equal(isUnreadable("song.mp3", song, [...KINDS, "mp3"]), false);
  assert.equal(isUnreadable("song.mp3", song, []), false);
  assert.ok(HEAD_BYTES >= 64);
});

test("each conversation has a draft of its own until it is emptied or all are forgotten", () => {
  const texts = (...ids) => ids.map((id) => readDraft(memory, id).text);
  keepDraft(memory, "", { text: "처음" });
  keepDraft(memory, "one", { text: "하나", files: ["보고서.pdf"] });
  assert.deepEqual(texts("", "one", "two", "toString"), ["처음", "하나", "", ""]);
  assert.deepEqual([readDraft(memory, "").files, readDraft(memory, "one").files], [[], ["보고서.pdf"]]);
  keepDraft(memory, "");
  keepDraft(memory, "one", { files: ["보고서.pdf"] });
  assert.deepEqual([...texts("", "one"), readDraft(memory, "one").files], ["", "", ["보고서.pdf"]]);
  forgetDrafts(memory);
  assert.deepEqual(readDraft(memory, "one"), { text: "", files: [] });
  for (const damaged of ["{damaged", '{"one":7}', '{"one":null}']) {
    sessionStorage.setItem("qa.drafts", damaged);
    assert.deepEqual(readDraft(memory, "one"), { text: "", files: [] });
  }
});

test("services of one origin have keys, drafts and conversations of their own", () => {
  const [usual, other, foreign] = ["/api/", "/help/api/", "https://else.example.com/api/"].map((at) => new Memory(new URL(at, location)));
  keepKey(usual, "a-key");
  keepKey(other, "another-key");
  keepDraft(other, "", { text: "짧게" });
  changeRemembered(usual, () => [{ sessionId: "a", title: "a", updatedAt: "2026-01-02T03:04:05Z" }]);
  assert.deepEqual([usual, other, foreign].map(currentKey), ["a-key", "another-key", ""]);
  assert.deepEqual([usual, other, foreign].map((each) => readDraft(each, "").text), ["", "짧게", ""]);
  assert.deepEqual([usual, other, foreign].map((each) => readRemembered(each).length), [1, 0, 0]);
  keepKey(other, "");
  assert.deepEqual([usual, other].map(currentKey), ["a-key", ""]);
  changeRemembered(usual, () => []);
});

test("a fragment names a conversation, and no other fragment does", () => {
  assert.equal(sessionOf(fragmentOf("aB1._-")), "aB1._-");
  assert.equal(sessionOf("#/c/..a"), "..a");
  for (const other of ["", "#", "#/c/", "#/c/a/b", "#/c/%20", "#/c/.", "#/c/..", "#key=abc", "#/c/<img>"]) assert.equal(sessionOf(other), "", other);
});

test("two tabs add, rename and remove conversations without undoing what the other did", async () => {
  const [one, two] = await Promise.all([module("remembered.js?tab=1"), module("remembered.js?tab=2")]);
  const item = (sessionId) => ({ sessionId, title: sessionId, updatedAt: "2026-01-02T03:04:05Z" });
  const names = () => one.readRemembered(memory).map(({ title }) => title);
  one.changeRemembered(memory, (items) => [item("a"), ...items]);
  two.changeRemembered(memory, (items) => [item("b"), ...items]);
  one.changeRemembered(memory, (items) => [item("c"), ...items]);
  assert.deepEqual(names(), ["c", "b", "a"]);
  two.changeRemembered(memory, (items) => items.filter(({ sessionId }) => sessionId !== "c"));
  one.changeRemembered(memory, (items) => items.map((each) => (each.sessionId === "b" ? { ...each, title: "새 이름" } : each)));
  assert.deepEqual(names(), ["새 이름", "a"]);
  localStorage.setItem("qa.history", JSON.stringify([item("a"), { sessionId: "b", title: "b", updatedAt: "lately" },
    { title: 1 }, null, 7, { ...item("b"), updatedAt: 2026 }]));
  assert.deepEqual(names(), ["a"]);
  localStorage.setItem("qa.history", "not a list");
  assert.deepEqual(names(), []);
});

test("what a full or forbidden storage doesn't take lasts as long as the page", async () => {
  const full = new BrowserStorage([["kept", "before"]]);
  full.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
  const usual = globalThis.localStorage;
  for (const [at, storage] of [["full", () => full], ["forbidden", () => { throw new DOMException("no", "SecurityError"); }]]) {
    Object.defineProperty(globalThis, "localStorage", { get: storage, configurable: true });
    const { browserStorage } = await module(`storage.js?${at}`);
    browserStorage.setItem("kept", "now");
    assert.deepEqual([browserStorage.getItem("kept"), browserStorage.length > 0], ["now", true], at);
    browserStorage.removeItem("kept");
    assert.equal(browserStorage.getItem("kept"), null, at);
  }
  Object.defineProperty(globalThis, "localStorage", { value: usual, configurable: true, writable: true });
});

test("a language that was never there is none, whatever an object inherits", () => {
  choose("constructor");
  assert.deepEqual([language(), words("send"), hasWords("toString")], ["ko", KO.send, false]);
});

test("a file is called what the service calls it", () => {
  for (const [given, shown] of [
    ["견적\u202egpj.exe", "견적gpj.exe"], ["가.txt".normalize("NFD"), "가.txt"], ["a\tb\u00a0c\u200b.txt", "abc.txt"],
    ["../x\\y.pdf", "y.pdf"], [" ..a b. ", "a b"], ["\u2066.", "file"],
  ]) assert.equal(shownName({ name: given }), shown);
});

test("a command for a terminal names the key and the conversation without telling them", () => {
  const address = "https://qa.example.com/api/ask";
  assert.equal(curlOf("왜 '7일'인가요?", { address, hasSession: true, hasKey: true }),
    `curl -N '${address}' -H "Authorization: Bearer $KEY" --form-string "sessionId=$SESSION" --form-string 'question=왜 '\\''7일'\\''인가요?'`);
  assert.equal(curlOf("왜?", { address, hasSession: false, hasKey: false }), `curl -N '${address}' --form-string 'question=왜?'`);
});

test("an amount is written with its currency, neither rounded to nothing nor to two digits", () => {
  assert.equal(money(0.00123, "USD"), "US$0.0012");
  assert.equal(money(1.234, "USD"), "US$1.23");
  assert.equal(money(12.5, "KRW"), "₩13");
  assert.equal(money(1234.5, "KRW"), "₩1,235");
});

test("what is left of the time that the server asked to wait grows less while the page is closed", () => {
  const since = new Date(Date.now() - 40_000).toISOString();
  assert.equal(Math.round(secondsLeft({ retryAfter: 60 }, since)), 20);
  assert.ok(secondsLeft({ retryAfter: 30 }, since) <= 0);
  assert.ok(secondsLeft({}, since) <= 0);
  assert.equal(Math.round(secondsLeft({ retryAfter: 60 }, new Date(Date.now() + 9_000).toISOString())), 60);
});

test("both languages have the same words, and Korean sentences speak in one kind tone", () => {
  assert.deepEqual(Object.keys(KO).sort(), Object.keys(EN).sort());
  const values = { index: 2, name: "가", title: "가", limit: 3, list: "2", names: ["가"], seconds: 90, count: 1, pages: 2, page: 1, files: 1, each: "1 MB", found: 1, query: "가", n: 1, cost: "1", tokens: 1 };
  for (const [key, word] of Object.entries(KO)) {
    const said = typeof word === "function" ? word(values) : word;
    assert.doesNotMatch(said, /니다(?=[.!?]|$)|(?:해|어) 줘$|있어\?$/, key);
    for (const sentence of said.split(/(?<=[.!?])\s+/).filter((each) => /[.?]$/.test(each))) assert.match(sentence, /(요|죠)[.?]$/, `${key}: ${sentence}`);
  }
});
