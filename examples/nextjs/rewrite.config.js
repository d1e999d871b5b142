// A rewrite, for comparison; a site would call this file next.config.js. It is three lines long and streams, but it can't
// say who asks: it adds no key and no user, and passes the site's cookies on. It suits visitors without a login
// (QA_ALLOW_ANONYMOUS=on) and pages that bring a token of their own.
const SERVICE = process.env.QA_URL ?? "http://127.0.0.1:8000/api";

export default {
  cacheComponents: true, // New sites have this, and the route handler suits it.
  rewrites: async () => [{ source: "/rewritten/api/:path*", destination: `${SERVICE}/:path*` }],
};
