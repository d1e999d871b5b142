// This stands for the login that a site has already: a cookie with a name and its signature. A site with Auth.js has one
// line in its place: export const userOf = async () => (await auth())?.user?.id;

import { createHmac, timingSafeEqual } from "node:crypto";

const SECRET = process.env.SESSION_SECRET;

/** Tell who sends a request: a user's id, or nothing for a visitor. */
export function userOf(request) {
  const login = /(?:^|; )login=([^;.]+)\.([^;]+)/.exec(request.headers.get("cookie") ?? "");
  if (!login) return undefined;
  const [given, wanted] = [login[2], sign(login[1])].map((text) => Buffer.from(text));
  return given.length === wanted.length && timingSafeEqual(given, wanted) ? decodeURIComponent(login[1]) : undefined;
}

/** Make the cookie for whoever has logged in. */
export function loginCookie(user) {
  const name = encodeURIComponent(user).replaceAll(".", "%2E");
  return `login=${name}.${sign(name)}; Path=/; HttpOnly; SameSite=Lax`;
}

function sign(text) {
  return createHmac("sha256", SECRET).update(text).digest("hex");
}
