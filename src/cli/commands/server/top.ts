import { usageError } from "../../argv.ts";
import { openClient } from "../../client/client.ts";
import { defineCommand } from "../../command.ts";
import { EXIT, Failure } from "../../exit.ts";

export const top = defineCommand({
  name: "top",
  summary: "Show a live dashboard in the terminal",
  description:
    "Shows the running petit: what needs attention, jobs, runs, logs and coming occurrences. Triggers, cancels, retries and " +
    "approves after confirmation. ? shows the keys, q quits. It works over the API, so also with a petit on another machine.",
  args: {},
  settings: ["timezone"],
  examples: ["petit top", "petit top --url https://petit.example.com --token-file token"],
  run: async (_, context) => {
    const { out } = context.terminal;
    if (context.json) throw usageError("the dashboard has no JSON output", "'petit runs --json'", "petit top");
    if (!out.isTerminal || process.stdin.isTTY !== true) {
      const stream = out.isTerminal ? "stdin" : "stdout";
      throw new Failure(EXIT.USAGE, `petit top needs a terminal, and ${stream} is none; ${OTHER_COMMANDS}`);
    }
    if (!out.movesCursor) {
      const term = context.environment.TERM ?? "";
      throw new Failure(
        EXIT.USAGE,
        `petit top needs a terminal that can move its cursor, and TERM is '${term}'; ${OTHER_COMMANDS}`,
      );
    }
    const client = openClient(context);
    // With DEV=true, ink reads a file of its package, which the executable does not contain.
    delete process.env.DEV;
    // Loaded here because no other command needs React.
    const { runTop } = await import("../../top/run-top.tsx");
    return runTop(client, context);
  },
});

const OTHER_COMMANDS = "use 'petit runs', 'petit status RUN' and 'petit logs RUN' instead";
