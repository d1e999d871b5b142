/**
 * This module tells when a page or an app may have lost its connection without being told: after it was frozen, hidden or
 * without a network. Browsers tell that by events. An app tells it by calling `wake`.
 */

const PAGE = globalThis.document;
const EVENTS = [
  [globalThis, "online"],
  [globalThis, "pageshow"],
  [PAGE, "visibilitychange"],
  [PAGE, "resume"],
];
const listening = new Set();

/** Say that the app is in front again. Connections that have been silent since are replaced, and pauses end. */
export function wake() {
  for (const act of [...listening]) act();
}

/** Call `act` when the page or the app is seen again or the network is back. Returns a function that ends this. */
export function onReturn(act) {
  const seen = () => PAGE?.hidden || act();
  const each = (method) => EVENTS.forEach(([target, name]) => target?.[method]?.(name, seen));
  listening.add(act);
  each("addEventListener");
  return () => {
    listening.delete(act);
    each("removeEventListener");
  };
}

/** Whether the platform says that there is no network. */
export function isOffline() {
  return globalThis.navigator?.onLine === false;
}

/**
 * Wait for this many milliseconds, or until `signal` is aborted. With `early`, the wait is also over when the page is seen
 * again or the network is back.
 */
export function pause(milliseconds, { signal, early = false } = {}) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stopListening();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    const stopListening = early ? onReturn(end) : () => {};
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}

/** A signal that is aborted when one of these is. React Native and older browsers have no `AbortSignal.any`. */
export function anyOf(...signals) {
  if (AbortSignal.any) return AbortSignal.any(signals);
  const both = new AbortController();
  const abort = () => {
    for (const signal of signals) signal.removeEventListener("abort", abort);
    both.abort(signals.find(({ aborted }) => aborted)?.reason);
  };
  for (const signal of signals) signal.addEventListener("abort", abort);
  if (signals.some(({ aborted }) => aborted)) abort();
  return both.signal;
}

/** What a promise gives, unless `signal` is aborted before that. */
export function orAbort(promise, signal) {
  const aborted = new Promise((_, reject) => {
    const abort = () => reject(reasonOf(signal));
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
  });
  return Promise.race([promise, aborted]);
}

/** What a signal was aborted with. Older platforms don't keep it, and a reason may be an empty text. */
export function reasonOf(signal) {
  return signal.reason || Object.assign(new Error("aborted"), { name: "AbortError" });
}
