// Deno needs the types by name: the exports of this package lead to none for a path with an extension.
// @ts-types="@modelcontextprotocol/sdk/server/stdio"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import type { JSONRPCMessage, RequestId } from "@modelcontextprotocol/sdk/types.js";
import { createMcpServer, type McpOptions } from "./server.ts";

/** Serves MCP on stdin and stdout until stdin has ended and all requests are answered. */
export const serveStdio = async (options: McpOptions): Promise<void> => {
  const server = createMcpServer(options);
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  process.stdin.once("end", resolve);
  process.stdin.once("close", resolve);
  const transport = new CountingTransport();
  await server.connect(transport);
  await ended;
  await transport.answered();
  await server.close();
};

/** Knows which requests have no answer yet. */
class CountingTransport extends StdioServerTransport {
  readonly #open = new Set<RequestId>();
  #onAnswered: () => void = () => {};

  constructor() {
    super();
    // The server calls this before its own.
    this.onmessage = (message: JSONRPCMessage) => {
      if (!("method" in message)) return;
      if ("id" in message) this.#open.add(message.id);
      // It gets no answer.
      else if (message.method === "notifications/cancelled") this.#close(message.params?.requestId);
    };
  }

  /** Resolves when no request is without an answer. */
  answered(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onAnswered = resolve;
    if (this.#open.size === 0) resolve();
    return promise;
  }

  override async send(message: JSONRPCMessage): Promise<void> {
    try {
      await super.send(message);
    } finally {
      if (!("method" in message)) this.#close(message.id);
    }
  }

  #close(id: unknown): void {
    this.#open.delete(id as RequestId);
    if (this.#open.size === 0) this.#onAnswered();
  }
}
