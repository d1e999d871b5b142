import { loginCookie } from "../../lib/login.js";

// This lets in whoever gives a name, since it is only an example.
export async function POST(request) {
  const user = (await request.formData()).get("user");
  return new Response(null, { status: 303, headers: { location: "/", "set-cookie": loginCookie(user) } });
}
