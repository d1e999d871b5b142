/**
 * This module tells when a page or an app may have lost its connection without being told: after it was frozen, hidden or
 * without a network. Where there is no page (Node, React Native), nothing is ever told.
 */

const PAGE = globalThis.document;
const EVENTS = [
  [globalThis, "online"],
  [globalThis, "pageshow"],
  [PAGE, "visibilitychange"],
  [PAGE, "resume"],
];

/** Call `act` when the page is seen again or the network is back, until `signal` is aborted. */
export function onReturn(act, signal) {
  for (const [target, name] of EVENTS) target?.addEventListener?.(name, () => PAGE?.hidden || act(), { signal });
}

/** Whether the platform says that there is no network. */
export function isOffline() {
  return globalThis.navigator?.onLine === false;
}

/** Wait. The wait is over early when the page is seen again, or when `signal` is aborted. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = () => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    onReturn(end, over.signal);
    signal.addEventListener("abort", end, { signal: over.signal });
  });
}

/** A signal that is aborted when one of these is. React Native and older browsers have no `AbortSignal.any`. */
export function anyOf(...signals) {
  if (AbortSignal.any) return AbortSignal.any(signals);
  const both = new AbortController();
  for (const signal of signals) {
    const abort = () => both.abort(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  }
  return both.signal;
}
