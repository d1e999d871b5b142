/** This module reads an event stream as the HTML standard says (section 9.2.6), from pieces of text of any length. */

/**
 * Make a parser. It calls `tell` with each event: its `type`, its `data`, and the `id` that was given last. Give its
 * `read` the pieces of the stream in their order, without the byte order mark, which decoders take away. An event that has
 * no end yet is never told.
 */
export function createParser(tell) {
  const lineEnd = /\r\n|\n|\r/g;
  let endedWithReturn = false;
  let rest = "";
  let data = [];
  let type = "";
  let id = "";

  function readField(name, value) {
    if (name === "data") data.push(value);
    else if (name === "event") type = value;
    else if (name === "id" && !value.includes("\0")) id = value;
  }

  function readLine(line) {
    const colon = line.indexOf(":");
    if (line === "") {
      if (data.length) tell({ type: type || "message", data: data.join("\n"), id });
      data = [];
      type = "";
    } else if (colon < 0) {
      readField(line, "");
    } else if (colon > 0) {
      readField(line.slice(0, colon), line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1));
    }
  }

  return {
    read(text) {
      if (!text) return;
      // A line end of two characters may be cut between them.
      let from = endedWithReturn && text[0] === "\n" ? 1 : 0;
      lineEnd.lastIndex = from;
      for (let end; (end = lineEnd.exec(text)); from = lineEnd.lastIndex) {
        readLine(rest + text.slice(from, end.index));
        rest = "";
      }
      rest += text.slice(from);
      endedWithReturn = text.endsWith("\r");
    },
  };
}
