/** The caller's key. It stays in this tab's session storage: on a shared computer it must not outlive its tab. */

const STORED = "qa.key";

/** Take a key out of `/#key=…`, once: the fragment is gone before anything else sees the address. */
export function takeKeyFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  keepKey(given);
}

/** Keep this key, or forget the one there is. */
export function keepKey(key) {
  if (key.trim()) sessionStorage.setItem(STORED, key.trim());
  else sessionStorage.removeItem(STORED);
}

/** The key in use, or an empty string. */
export function currentKey() {
  return sessionStorage.getItem(STORED) ?? "";
}
