/** This module asks the question of the reference page, and shows the response as it comes. */

const form = document.querySelector("#try form");
const shown = document.querySelector("#shown");
const curl = document.querySelector("#curl");
const { prefix, language } = form.dataset;
/** More characters than these are not shown, because a browser becomes slow with them. */
const MOST = 200_000;

form.addEventListener("input", writeCurl);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask().catch((error) => show(`\n${error.message}\n`)).finally(() => busy(false));
});
writeCurl();

async function ask() {
  shown.hidden = false;
  shown.textContent = "";
  busy(true);
  const response = await call("ask", { method: "POST", body: fields() });
  const id = response.headers.get("X-Answer-Id");
  form.elements.stop.onclick = () => id && call(`answers/${encodeURIComponent(id)}/cancel`, { method: "POST" });
  show(`HTTP ${response.status} ${response.headers.get("Content-Type")}\n\n`);
  for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    show(value);
  }
}

/** The fields of the question. A file field in which nothing was chosen is left out. */
function fields() {
  const body = new FormData(form);
  body.delete("key");
  if (!form.elements.files.files.length) body.delete("files");
  return body;
}

/** Send a request. No key has other characters than visible ones of ASCII, and a header can't hold them. */
function call(path, options) {
  const key = form.elements.key.value.trim().replace(/[^!-~]/g, "?");
  const headers = { "Accept-Language": language, ...(key && { Authorization: `Bearer ${key}` }) };
  return fetch(`${prefix}/${path}`, { ...options, headers });
}

function show(text) {
  shown.append(text.slice(0, Math.max(0, MOST - shown.textContent.length)));
  shown.scrollTop = shown.scrollHeight;
}

function busy(is) {
  form.elements.stop.disabled = !is;
  form.querySelector("[type=submit]").disabled = is;
}

/** Write the same request for a terminal. The key itself is never shown. */
function writeCurl() {
  const parts = [`curl -N ${quote(`${location.origin}${prefix}/ask`)}`];
  if (form.elements.key.value) parts.push('-H "Authorization: Bearer $KEY"');
  parts.push(`--form-string ${quote(`question=${form.elements.question.value}`)}`);
  parts.push(`-F format=${form.elements.format.value}`);
  for (const file of form.elements.files.files) parts.push(`-F ${quote(`files=@"${file.name.replace(/[\\"]/g, "\\$&")}"`)}`);
  curl.textContent = parts.join(" \\\n  ");
}

/** Quote a word for a shell. */
function quote(word) {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
