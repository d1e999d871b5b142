export default function Page() {
  return (
    <main>
      <form method="post" action="/login"><input name="user" aria-label="Name" /><button>Log in</button></form>
      <script type="module" src="/api/chat.js" async />
      <qa-chat />
    </main>
  );
}
