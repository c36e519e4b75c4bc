import { writeSync } from "node:fs";
import manifest from "../package.json" with { type: "json" };
import { EXIT } from "./cli/exit.ts";
import { asksVersionAlone, versionLine } from "./cli/version-line.ts";
import type { Runtime } from "./runtime/runtime.ts";

const argv = process.argv.slice(2);

/** All else is read, and the streams are opened, where somebody wants more than the version. */
const main = async (): Promise<void> => {
  const runtime = await chooseRuntime();
  const [{ runCli }, { systemClock }] = await Promise.all([import("./cli/cli.ts"), import("./lib/clock.ts")]);
  watchStreams();
  const status = await runCli(argv, {
    runtime,
    clock: systemClock,
    environment: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    version: manifest.version,
  });
  // Also where a stream has failed, which then tells no end of it.
  process.exitCode = status;
  // What was written to a pipe is on its way until then.
  process.stdout.end(() => process.stderr.end(() => process.exit(status)));
};

/** Before all else is read, which may need what the runtime doesn't grant. */
const chooseRuntime = async (): Promise<Runtime> => {
  const { openRuntime } = await import("#runtime");
  try {
    return openRuntime();
  } catch (error) {
    process.stderr.write(`petit: ${error instanceof Error ? error.message : error}\n`);
    return process.exit(EXIT.USAGE);
  }
};

const watchStreams = (): void => {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") endUnwritten(error);
    // A reader that has seen enough (`petit schema | head`) is no error. What handles signals ends in its own way; what has
    // written its last has a turn to say how it ended.
    if (process.listenerCount("SIGINT") === 0) setImmediate(() => process.exit());
    else process.emit("SIGINT");
  });
  // Nobody is left to tell.
  process.stderr.on("error", () => {});
};

/** Past the streams, which take longer to open than the rest of it takes. */
const tellVersion = (): void => {
  try {
    writeSync(1, versionLine(manifest.version));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code !== "EPIPE") endUnwritten(error);
  }
};

const endUnwritten = (error: Error): never => {
  process.stderr.write(`petit: stdout can't be written: ${error.message}\n`);
  process.exit(1);
};

if (asksVersionAlone(argv)) tellVersion();
else await main();
