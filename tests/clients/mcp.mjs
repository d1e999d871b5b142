// The official client of the Model Context Protocol, as an agent has it.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { assert, HEADERS } from "./asking.mjs";

async function connected(service, use, headers = HEADERS(service)) {
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${service.cable.api}/mcp`), { requestInit: { headers } }));
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

export default {
  async "finds a passage and reads its page"(service) {
    await connected(service, async (client) => {
      assert.equal(client.getServerVersion().name, "qa-service");
      const { tools } = await client.listTools();
      assert.deepEqual(tools.map(({ name, annotations }) => [name, annotations.readOnlyHint]), [["search", true], ["read_page", true]]);
      const found = await client.callTool({ name: "search", arguments: { query: "연체료는 하루에 얼마인가요?" } });
      const passage = found.structuredContent.passages[0];
      assert.match(passage.text, /백 원/);
      assert.match(found.content[0].text, /백 원/);
      const page = await client.callTool({ name: "read_page", arguments: { documentId: passage.documentId } });
      assert.equal(page.structuredContent.text.trim(), passage.text.trim());
    });
  },
  async "learns of what is wrong"(service) {
    await connected(service, async (client) => {
      await assert.rejects(client.callTool({ name: "delete", arguments: {} }), { code: -32602 });
      await assert.rejects(client.listResources(), { code: -32601 });
      const missing = await client.callTool({ name: "read_page", arguments: { documentId: "0".repeat(32) } });
      assert.equal(missing.isError, true);
    });
    await assert.rejects(connected(service, () => null, { Authorization: "Bearer wrong" }), { code: 401 });
  },
};
