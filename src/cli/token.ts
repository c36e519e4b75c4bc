import { randomBytes } from "node:crypto";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit.ts";

export const token = defineCommand({
  name: "token",
  summary: "Make a token for the HTTP API",
  description:
    "Prints a new random token of 256 bits. petit keeps no copy: put it into a file that you alone can read, and name " +
    "that file with --token-file, to `petit run` and to the commands that ask it. A token is wanted wherever petit listens " +
    "beyond this machine, and may be set on 127.0.0.1 too.",
  args: {},
  settings: [],
  examples: [
    "petit token > petit.token && chmod 600 petit.token",
    "petit run --api-host 0.0.0.0 --token-file petit.token",
    "petit runs --token-file petit.token",
  ],
  run: async (_, { terminal: { out, err }, json }) => {
    const made = randomBytes(32).toString("base64url");
    out.write(json ? `${JSON.stringify({ token: made })}\n` : `${made}\n`);
    err.write(NEXT_STEPS);
    return EXIT.DONE;
  },
});

const NEXT_STEPS = `
To use one:
  petit token > petit.token && chmod 600 petit.token
  petit run --api-host 0.0.0.0 --token-file petit.token
  curl -H "Authorization: Bearer $(cat petit.token)" http://localhost:8565/api/jobs
`;
