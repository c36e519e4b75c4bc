import { openClient } from "../../client/client.ts";
import { defineCommand } from "../../command.ts";
import { EXIT } from "../../exit.ts";
import { noWorkersText, workersText } from "../../workers/table.ts";

export const workers = defineCommand({
  name: "workers",
  summary: "List the workers, and what runs on each",
  description:
    "Lists the workers of the running petit by name: labels, slots, version, address, when each last said hello, and what runs there. " +
    "Then it lists the attempts that wait for a worker. --json has the format of GET /api/workers.",
  args: {},
  settings: [],
  examples: ["petit workers", "petit workers --json"],
  run: async (_, context) => {
    const { terminal, clock, json } = context;
    const { out, err } = terminal;
    const client = openClient(context);
    const answer = await client.get("/api/workers");
    if (json) out.write(`${JSON.stringify(answer, null, 2)}\n`);
    else {
      out.write(workersText(answer, { screen: out, now: clock.now() }));
      err.write(noWorkersText(answer, { screen: err, base: client.base }));
    }
    return EXIT.DONE;
  },
});
