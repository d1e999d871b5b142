import { loginCookie } from "../../lib/login.js";

// This lets in whoever gives a name, since it is only an example.
export default function login(request, response) {
  response.setHeader("Set-Cookie", loginCookie(request.body.user)).redirect(303, "/");
}
