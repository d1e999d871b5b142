// A cable between one client and the service, for a check to cut: connections break, and new ones are welcome.
import net from "node:net";

export async function openCable(port) {
  const open = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1");
    for (const [one, other] of [[near, far], [far, near]]) {
      open.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => (open.delete(one), other.destroy()));
      one.pipe(other);
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const cut = () => open.forEach((socket) => socket.resetAndDestroy());
  return { api: `http://127.0.0.1:${server.address().port}/api`, cut, close: () => (server.close(), cut()) };
}
