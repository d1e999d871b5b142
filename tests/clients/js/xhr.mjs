// A small XMLHttpRequest on Node's HTTP, as React Native has it: it gives text while it comes, tells of uploads,
// and follows redirects.
import http from "node:http";

const PIECE = 16_384;

export class XMLHttpRequest {
  readyState = 0;
  status = 0;
  responseText = "";
  upload = {};
  #headers = {};

  open(method, url) {
    Object.assign(this, { method, url });
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  getResponseHeader(name) {
    return this.response.headers[name.toLowerCase()] ?? null;
  }

  async send(body) {
    const sent = new Request("http://form", { method: "POST", body });
    const bytes = Buffer.from(await sent.arrayBuffer());
    const type = sent.headers.get("Content-Type");
    const headers = { ...(type && { "Content-Type": type }), ...this.#headers, "Content-Length": bytes.length };
    if (!this.isOver) await this.#request(this.url, headers, bytes);
  }

  abort() {
    this.#end("onabort");
    this.request?.destroy();
  }

  async #request(url, headers, bytes) {
    this.responseURL = url;
    this.request = http.request(url, { method: this.method, headers }, (response) => {
      const { location } = response.headers;
      return location ? this.#request(location, headers, bytes) : this.#read(response);
    });
    this.request.on("error", () => this.#end("onerror"));
    await this.#write(bytes);
    this.request.end();
  }

  async #write(bytes) {
    for (let at = 0; at < bytes.length; at += PIECE) {
      await new Promise((written) => this.request.write(bytes.subarray(at, at + PIECE), written));
      this.upload.onprogress?.({ loaded: Math.min(at + PIECE, bytes.length), total: bytes.length });
    }
  }

  #read(response) {
    this.response = response;
    this.status = response.statusCode;
    this.#change(2);
    const decoder = new TextDecoder();
    response.on("data", (bytes) => {
      this.responseText += decoder.decode(bytes, { stream: true });
      this.#change(3);
    });
    response.on("end", () => this.#end("onload"));
    response.on("error", () => this.#end("onerror"));
  }

  #change(state) {
    this.readyState = state;
    if (!this.isOver) this.onreadystatechange?.();
  }

  #end(name) {
    if (this.isOver) return;
    this.isOver = true;
    this[name]?.();
    this.onloadend?.();
  }
}
