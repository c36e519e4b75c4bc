import manifest from "../package.json" with { type: "json" };
import { runCli } from "./cli/cli.ts";
import { systemClock } from "./lib/clock.ts";
import { bunRuntime } from "./runtime/bun.ts";

// A reader that has seen enough (`petit schema | head`) is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
}

const status = await runCli(process.argv.slice(2), {
  runtime: bunRuntime(),
  clock: systemClock,
  environment: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  version: manifest.version,
});

// What was written to a pipe is on its way until the callback.
process.stdout.write("", () => process.stderr.write("", () => process.exit(status)));
