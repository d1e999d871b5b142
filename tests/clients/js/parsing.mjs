// The parser of event streams, against the HTML standard: each stream whole, and cut at every byte.
import assert from "node:assert/strict";
import { createParser } from "qa-service-client";

/** What each stream gives: type, data and id of each event. */
const STREAMS = {
  "an event": ["data: 안녕\n\n", ["message", "안녕", ""]],
  "no space behind the colon": ["data:a\n\n", ["message", "a", ""]],
  "only one space is taken away": ["data:  a\n\n", ["message", " a", ""]],
  "a tab stays": ["data:\ta\n\n", ["message", "\ta", ""]],
  "several lines of data": ["data: a\ndata: b\n\n", ["message", "a\nb", ""]],
  "empty data": ["data\n\n", ["message", "", ""]],
  "two empty lines of data": ["data:\ndata\n\n", ["message", "\n", ""]],
  "a comment": [": quiet\n\ndata: a\n: more\n\n", ["message", "a", ""]],
  "a type without data is forgotten": ["event: x\n\ndata: a\n\n", ["message", "a", ""]],
  "a type": ["event: x\ndata: a\n\ndata: b\n\n", ["x", "a", ""], ["message", "b", ""]],
  "an id stays": ["id: 7\ndata: a\n\ndata: b\n\n", ["message", "a", "7"], ["message", "b", "7"]],
  "an empty id": ["id: 7\ndata: a\n\nid\ndata: b\n\n", ["message", "a", "7"], ["message", "b", ""]],
  "an id with NUL is none": ["id: 7\ndata: a\n\nid: 8\0\ndata: b\n\n", ["message", "a", "7"], ["message", "b", "7"]],
  "a field that nobody knows": ["more: x\nDATA: y\n data: z\ndata: a\n\n", ["message", "a", ""]],
  "colons in the data": ["data: a: b:\n\n", ["message", "a: b:", ""]],
  "line ends of Windows": ["data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", ["message", "a\nb", ""], ["message", "c", ""]],
  "line ends of old Macs": ["data: a\rdata: b\r\rdata: c\r\r", ["message", "a\nb", ""], ["message", "c", ""]],
  "mixed line ends": ["data: a\ndata: b\r\rdata: c\r\n\n", ["message", "a\nb", ""], ["message", "c", ""]],
  "other separators are text": ["data: a\u2028b\u0085c\x0b\n\n", ["message", "a\u2028b\u0085c\x0b", ""]],
  "an event without its end": ["data: a\n\ndata: b\n", ["message", "a", ""]],
  "a byte order mark at the beginning": ["\ufeffdata: a\n\n", ["message", "a", ""]],
  "a byte order mark later": ["\n\ufeffdata: a\n\ndata: b\n\n", ["message", "b", ""]],
  "characters beyond the basic plane": ["data: 🍎한글\n\n", ["message", "🍎한글", ""]],
};

function parse(bytes, size) {
  const told = [];
  const parser = createParser(({ type, data, id }) => told.push([type, data, id]));
  const decoder = new TextDecoder();
  for (let at = 0; at < bytes.length; at += size) parser.read(decoder.decode(bytes.subarray(at, at + size), { stream: true }));
  return told;
}

export default {
  async "the parser does what the standard says, wherever a stream is cut"() {
    for (const [name, [stream, ...events]] of Object.entries(STREAMS)) {
      const bytes = new TextEncoder().encode(stream);
      for (const size of [bytes.length, 1, 2, 3]) assert.deepEqual(parse(bytes, size), events, `${name}, ${size} bytes at once`);
    }
  },

  async "a byte that is no UTF-8 becomes one replacement character"() {
    assert.deepEqual(parse(Uint8Array.from([...Buffer.from("data: a"), 0xff, 0x0a, 0x0a]), 1), [["message", "a\ufffd", ""]]);
  },
};
