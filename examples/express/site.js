// This is an existing Express site, with a login and a page of its own, in which people can ask.

import express from "express";
import { loginCookie } from "./login.js";
import { passOn } from "./qa.js";

const site = express();

site.use("/api", passOn);

site.use(express.urlencoded({ extended: false }));

site.get("/", (request, response) => {
  response.send(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>A site with answers</title>
<form method="post" action="/login"><input name="user" aria-label="Name"><button>Log in</button></form>
<script type="module" src="/api/chat.js"></script>
<qa-chat></qa-chat>
</html>`);
});

// This lets in whoever gives a name, since it is only an example.
site.post("/login", (request, response) => {
  response.set("Set-Cookie", loginCookie(request.body.user)).redirect(303, "/");
});

site.listen(process.env.PORT ?? 3000, "127.0.0.1", (error) => {
  if (error) throw error;
});
