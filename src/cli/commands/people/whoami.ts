import { defaultZone } from "../../../app/settings/settings.ts";
import { scopeText } from "../../../domain/words/people/scope.ts";
import { openClient } from "../../client/client.ts";
import { defineCommand } from "../../command.ts";
import { EXIT } from "../../exit.ts";
import { readableLocal } from "../../terminal/local-time.ts";

export const whoami = defineCommand({
  name: "whoami",
  summary: "Print who you are to the running petit, your role and your limits",
  description:
    "Prints the name and the role of the token that commands send, the jobs that it is limited to, and where you come from. --json has the format of GET /api/session.",
  args: {},
  settings: ["timezone"],
  examples: ["petit whoami", "petit whoami --token-file petit.token --json"],
  run: async (_, context) => {
    const { terminal, settings, json } = context;
    const { out } = terminal;
    const session = await openClient(context).get("/api/session");
    if (json) {
      out.write(`${JSON.stringify(session, null, 2)}\n`);
      return EXIT.DONE;
    }
    const { name, role, scope, via, address, expires_at: until } = session;
    const who = via === "anonymous" ? "anybody, because petit requires no token" : (name ?? "a token without a name");
    const end = until === null ? "" : `, until ${readableLocal(until, defaultZone(settings))}`;
    out.write(`${who}\nrole ${role}, from ${address ?? "an unknown address"}${end}\n`);
    if (scope !== null) out.write(`limited to ${scopeText(scope)}\n`);
    return EXIT.DONE;
  },
});
