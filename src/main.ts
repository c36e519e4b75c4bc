import { openRuntime } from "#runtime";
import manifest from "../package.json" with { type: "json" };
import { runCli } from "./cli/cli.ts";
import { systemClock } from "./lib/clock.ts";

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") {
    process.stderr.write(`petit: stdout can't be written: ${error.message}\n`);
    process.exit(1);
  }
  // A reader that has seen enough (`petit schema | head`) is no error. What handles signals ends in its own way.
  if (process.listenerCount("SIGINT") === 0) process.exit(0);
  process.emit("SIGINT");
});
// Nobody is left to tell.
process.stderr.on("error", () => {});

const status = await runCli(process.argv.slice(2), {
  runtime: openRuntime(),
  clock: systemClock,
  environment: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  version: manifest.version,
});

// What was written to a pipe is on its way until then.
process.stdout.end(() => process.stderr.end(() => process.exit(status)));
