import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { createMcpServer, type McpOptions } from "./server.ts";

/** Serves MCP on stdin and stdout until stdin ends. */
export const serveStdio = async (options: McpOptions): Promise<void> => {
  const server = createMcpServer(options);
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  process.stdin.once("end", resolve);
  process.stdin.once("close", resolve);
  await server.connect(new StdioServerTransport());
  await ended;
  await server.close();
};
