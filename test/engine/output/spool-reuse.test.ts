import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { job, shell } from "../../support/engine/factories.ts";
import { gate } from "../../support/engine/gate.ts";
import { startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Attempts that run at once. One of them could get what the ended attempt had. */
const RUNS = 12;

test.each([
  ["from its folder of artifacts", 'cd "$PETIT_ARTIFACTS"', "echo late > late.txt"],
  [
    "from its spool folder",
    'cd "$(dirname "$PETIT_OUTPUT")"',
    'own=${PETIT_OUTPUT##*/}; echo late=1 >> "$own"; echo late >> "${own%outputs}stdout"; echo late >> "${own%outputs}stderr"',
  ],
  [
    "through hard links",
    'cd "$FOLDER" && ln "${PETIT_OUTPUT%outputs}"std* .',
    'for file in *.std*; do echo late >> "$file"; done',
  ],
  [
    "by the paths that it was given",
    ":",
    'echo late > "$PETIT_ARTIFACTS/late.txt"; echo late=1 >> "$PETIT_OUTPUT"; echo late >> "${PETIT_OUTPUT%outputs}stdout"',
  ],
  [
    "by the real paths of what it was given",
    'artifacts=$(realpath "$PETIT_ARTIFACTS"); out=$(realpath -m "$PETIT_OUTPUT")',
    'echo late > "$artifacts/late.txt"; echo late=1 >> "$out"; echo late >> "${out%outputs}stdout"',
  ],
  ["through an open folder", 'exec 7< "$PETIT_ARTIFACTS"', "cd /proc/self/fd/7; echo late > late.txt"],
])("a process that outlives its attempt can't write to other attempts %s", async (_, enter, write) => {
  using dir = tempDir();
  using ended = gate();
  using written = gate();
  const outlives = `${enter}\necho > "$FOLDER/begun"\n${ended.wait}\n${write}\necho > "$FOLDER/done"\n`;
  writeFileSync(dir.file("outlives"), outlives);
  // The attempt ends only when the process, which has left its group, no longer has its output open.
  const first = 'setsid sh "$FOLDER/outlives" <&- >&- 2>&- & until [ -e "$FOLDER/begun" ]; do sleep 0.01; done';
  const next = `echo hello; echo a=1 >> "$PETIT_OUTPUT"; echo x > "$PETIT_ARTIFACTS/own.txt"; ${written.wait}`;
  await using petit = await startEngine({
    jobs: [
      job("outlived", { tasks: [shell("t", first, { environment: { FOLDER: dir.path } })] }),
      job("next", { tasks: [shell("t", next)] }),
    ],
  });
  await petit.run("outlived");
  await ended.reached();
  const runs = await Promise.all(Array.from({ length: RUNS }, () => petit.trigger("next")));
  for (const _run of runs) await written.reached();
  ended.open();
  await waitFor(() => existsSync(dir.file("done")));
  written.open(RUNS);
  for (const { id } of runs) {
    const { output, tasks } = await petit.ended(id);
    expect([output(), tasks.t?.outputs]).toEqual(["hello\n", { a: "1" }]);
    expect(petit.store.artifacts.list(id).map(({ path }) => path)).toEqual(["t/own.txt"]);
  }
});
