import { formatRoundedSize } from "../../../lib/size.ts";
import { pluralize } from "../../../lib/text.ts";
import { usageError } from "../../argv.ts";
import { printArtifact, saveArtifact } from "../../artifacts/fetch.ts";
import { type ArtifactBody, findArtifact } from "../../artifacts/find.ts";
import { openClient } from "../../client/client.ts";
import { findRun, RUN_HELP } from "../../client/find-run.ts";
import { defineCommand } from "../../command.ts";
import { EXIT } from "../../exit.ts";
import { runName } from "../../run-display/short-id.ts";
import { columnTable } from "../../terminal/table.ts";
import { paint, type Screen } from "../../terminal/terminal.ts";
import { oneLine } from "../../terminal/text-width.ts";

export const artifacts = defineCommand({
  name: "artifacts",
  summary: "List the artifacts of a run, or get one",
  description:
    "Without PATH, lists the files that are kept with a run. With PATH, prints that file, or saves it with -o. A part of the path " +
    "is enough if only one file ends with it. A binary file is not printed on a terminal.",
  args: {
    RUN: { type: "positional", required: true, description: RUN_HELP },
    PATH: { type: "positional", required: false, description: "Path of an artifact, or its last parts." },
    output: {
      type: "string",
      alias: "o",
      valueHint: "FILE",
      description: "Save the artifact to this file, or under its own name in this folder. `-` is stdout.",
    },
    task: { type: "string", valueHint: "TASK", description: "Only artifacts of this task." },
  },
  settings: [],
  examples: [
    "petit artifacts latest",
    "petit artifacts data_pipeline report.html -o report.html",
    "petit artifacts 9a7e4f60 extract/out/rows.csv | head",
  ],
  run: async ({ RUN, PATH, output, task }, context) => {
    if (output !== undefined && PATH === undefined)
      throw usageError("-o needs a PATH", `'petit artifacts ${RUN}' lists them`, "petit artifacts");
    const client = openClient(context);
    const { out, err } = context.terminal;
    const runId = await findRun(client, RUN, context);
    const list = await client.get("/api/runs/:run_id/artifacts", { params: { run_id: runId }, query: { task } });
    if (PATH !== undefined) {
      const artifact = findArtifact(list.artifacts, PATH, runName(runId, err));
      const source = { client, runId, artifact };
      if (output === undefined || output === "-") return await printArtifact(source, out);
      const file = await saveArtifact(source, output);
      err.write(`saved ${oneLine(file)}: ${formatRoundedSize(artifact.size)}\n`);
      return EXIT.DONE;
    }
    if (context.json) out.write(`${JSON.stringify(list, null, 2)}\n`);
    else if (list.count > 0) out.write(artifactTable(list.artifacts, out));
    else err.write(`run ${runName(runId, err)} has no artifacts\n`);
    return EXIT.DONE;
  },
});

const artifactTable = (artifacts: readonly ArtifactBody[], out: Screen): string => {
  const table = columnTable(
    [
      { title: "PATH", cells: artifacts.map(({ path }) => path), shrink: 3, min: 20, keep: "end" },
      { title: "SIZE", cells: artifacts.map(({ size }) => formatRoundedSize(size)) },
      { title: "ATTEMPT", cells: artifacts.map(({ attempt }) => String(attempt)), drop: 2 },
      { title: "SHA-256", cells: artifacts.map(({ sha256 }) => shortDigest(sha256, out)), drop: 1 },
    ],
    out,
  );
  if (!out.isTerminal || artifacts.length < 2) return table;
  const bytes = artifacts.reduce((sum, { size }) => sum + size, 0);
  return `${table}${paint(out, "dim", `${pluralize(artifacts.length, "file")}, ${formatRoundedSize(bytes)}`)}\n`;
};

const shortDigest = (sha256: string, { isTerminal }: Screen): string => (isTerminal ? sha256.slice(0, 12) : sha256);
