/** This module writes what an answer took: its model, its tokens, its time and its cost. Only sites that want it show it. */

import { element } from "./element.js";
import { count, language, say } from "./words.js";

/** Make the nodes for the figures in an answer's metadata. `currency` is a code such as `USD`, in which prices are set. */
export function figuresOf({ model, usage, timing, cost }, currency) {
  const seconds = ((timing?.totalMs ?? 0) / 1000).toFixed(1);
  return [
    element("span", {}, model),
    usage?.total ? say(element("span"), "tokens", { tokens: count(usage.total) }) : null,
    say(element("span"), "seconds", { seconds }),
    cost === null || cost === undefined ? null : say(element("span"), "cost", { cost: money(cost, currency) }),
  ].filter(Boolean);
}

/** Write an amount with its currency. A small one has two digits that count, since an answer often costs less than a cent. */
export function money(amount, currency = "USD") {
  const form = { style: "currency", currency, maximumSignificantDigits: 2, roundingPriority: "morePrecision" };
  return new Intl.NumberFormat(language(), form).format(Number(amount));
}
