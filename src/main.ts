import { writeSync } from "node:fs";
import manifest from "../package.json" with { type: "json" };
import { EXIT } from "./cli/exit.ts";
import { asksVersionAlone, versionLine } from "./cli/version-line.ts";
import type { Runtime } from "./runtime/runtime.ts";

const argv = process.argv.slice(2);

/** All else is read, and the streams are opened, where somebody wants more than the version. */
const main = async (): Promise<void> => {
  const runtime = await chooseRuntime();
  // The environment can hold the API's token, and tasks are processes of the same user.
  runtime.denyInspection();
  const [{ runCli }, { systemClock }] = await Promise.all([import("./cli/cli.ts"), import("./lib/clock.ts")]);
  watchStreams();
  const environment = { ...process.env };
  bypassProxyOnLoopback();
  const status = await runCli(argv, {
    runtime,
    clock: systemClock,
    environment,
    stdout: process.stdout,
    stderr: process.stderr,
    version: manifest.version,
  });
  // Also where a stream has failed, which then tells no end of it.
  process.exitCode ||= status;
  // What was written to a pipe is on its way until then.
  process.stdout.end(() => process.stderr.end(() => process.exit()));
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

/**
 * Exempts this machine from the proxies that the environment names: `fetch` reads these variables for each request. Tasks
 * do not see the change, because petit works with a copy of the environment from before it.
 */
const bypassProxyOnLoopback = (): void => {
  for (const name of ["NO_PROXY", "no_proxy"]) {
    process.env[name] = [process.env[name], "localhost", "127.0.0.1", "[::1]"].filter(Boolean).join(",");
  }
};

const watchStreams = (): void => {
  let isWatched = true;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (!isWatched) return;
    isWatched = false;
    // A reader that has seen enough (`petit schema | head`) is no error.
    if (error.code !== "EPIPE") tellUnwritten(error);
    // What handles signals ends in its own way; what has written its last has a turn to say how it ended.
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
    if (error instanceof Error && "code" in error && error.code !== "EPIPE") tellUnwritten(error);
  }
};

const tellUnwritten = (error: Error): void => {
  process.stderr.write(`petit: stdout can't be written: ${error.message}\n`);
  process.exitCode = EXIT.FAILED;
};

if (asksVersionAlone(argv)) tellVersion();
else await main();
