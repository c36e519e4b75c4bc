import { errorMessage } from "../../../lib/error-message.ts";
import { openClient } from "../../client/client.ts";
import { defineCommand } from "../../command.ts";
import { EXIT } from "../../exit.ts";

export const mcp = defineCommand({
  name: "mcp",
  summary: "Let an agent use the running petit, by the Model Context Protocol",
  description:
    "Serves the Model Context Protocol on standard input and output, for a client such as Claude Code, Cursor or VS Code, which starts this command. " +
    "Its tools list jobs and runs, read and search output, explain why a job ran or failed, and validate job files. They use the running petit at --url, " +
    "with the role and the jobs of the token. With --mcp-write and the role operator, they also trigger, retry and cancel runs, and pause jobs. " +
    "docs/agents.md has set-ups.",
  args: {},
  settings: ["mcpWrite"],
  examples: [
    "petit mcp",
    "petit mcp --url https://petit.example.com --token-file agent.token",
    "petit mcp --mcp-write",
  ],
  run: async (_, context) => {
    const { terminal, version, settings } = context;
    // The protocol's own code is loaded by this command alone.
    const { serveStdio } = await import("../../../mcp/stdio.ts");
    const onError = (error: unknown): void => terminal.err.write(`petit: ${errorMessage(error)}\n`);
    await serveStdio({
      client: openClient(context),
      clock: context.clock,
      version,
      whyReadOnly: settings.mcpWrite ? null : "this agent may only read; start 'petit mcp' with --mcp-write",
      onError,
      onProtocolError: onError,
    });
    return EXIT.DONE;
  },
});
