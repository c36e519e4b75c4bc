import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { start } from "../support/petit/api.ts";
import { endOf } from "../support/torture/run.ts";
import { SLOW_MS, startService } from "../support/vm/service.ts";

const JOB = `id: groups
run_as: runner
tasks:
  - id: t
    type: shell
    working_dir: /tmp
    script: |
      echo "$(id -un) $(id -gn) $(id -Gn) $HOME $USER $LOGNAME $SHELL"
      echo "by=$(id -un)" >> "$PETIT_OUTPUT"
`;

/** The drop-in of docs/limits.md for a service whose jobs use run_as. */
const dropIn = (): string => {
  const docs = readFileSync(join(import.meta.dirname, "../../docs/limits.md"), "utf8");
  const [, lines = ""] = /```ini\n(\[Service\]\n[^`]*)```/.exec(docs) ?? [];
  return `${lines}User=root\nEnvironment=PETIT_RUN_AS_ALLOWED=runner\n`;
};

test("a task runs as a user, with its groups", async () => {
  const { machine } = await startService({ jobs: {} });
  await machine.must("useradd --create-home --shell /bin/bash --groups games,audio runner");
  const { petit } = await startService({ jobs: { groups: JOB }, dropIn: dropIn() });
  expect(await endOf(petit, await start(petit, "groups"), SLOW_MS)).toMatchObject({
    status: "completed",
    log: "runner runner runner audio games /home/runner runner runner /bin/bash\n",
    tasks: [{ outputs: { by: "runner" } }],
  });
});
