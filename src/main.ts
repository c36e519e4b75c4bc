import { writeSync } from "node:fs";
import manifest from "../package.json" with { type: "json" };
import { EXIT } from "./cli/exit.ts";
import {
  isBackupProcess,
  isFilesProcess,
  isRequestProcess,
  isSearchProcess,
  runBackupProcess,
  runFilesProcess,
  runRequestProcess,
  runSearchProcess,
} from "./cli/own-process.ts";
import { isVersionRequest, versionLine } from "./cli/version-line.ts";
import { errorMessage } from "./lib/error-message.ts";
import type { Runtime } from "./runtime/runtime.ts";

const argv = process.argv.slice(2);

/** After this time a process no longer counts as short, in ms. Most commands take less. */
const LONG_MS = 200;

/** Loads the rest of petit and runs the command. */
const main = async (): Promise<void> => {
  const runtime = await chooseRuntime();
  // The environment can hold the API's token, and tasks are processes of the same user.
  runtime.denyInspection();
  setTimeout(() => runtime.compileAsUsual(), LONG_MS).unref();
  const [{ runCli }, { systemClock }] = await Promise.all([import("./cli/cli.ts"), import("./lib/clock.ts")]);
  watchStreams();
  const environment = { ...process.env };
  secureRequests();
  const status = await runCli(argv, {
    runtime,
    clock: systemClock,
    environment,
    stdout: process.stdout,
    stderr: process.stderr,
    version: manifest.version,
  });
  // A write error may have set the exit status already.
  process.exitCode ||= status;
  // Exit only when everything has been written. A stream that has failed does not call back; watchStreams exits then.
  process.stdout.end(() => process.stderr.end(() => process.exit()));
};

/** Sends the request of an `http` task, whose process this is. */
const sendRequest = async (): Promise<void> => {
  const runtime = await chooseRuntime();
  secureRequests();
  process.exit(await runRequestProcess(runtime));
};

/** Reads artifacts as the user of a task, whose process this is. */
const readFiles = async (): Promise<void> => {
  await chooseRuntime();
  process.exit(await runFilesProcess());
};

/** Makes a backup for the petit that runs. */
const makeBackup = async (): Promise<void> => {
  const runtime = await chooseRuntime();
  process.exit(await runBackupProcess(runtime));
};

/** Searches output, or writes the index for that. */
const searchOutput = async (): Promise<void> => {
  const runtime = await chooseRuntime();
  process.exit(await runSearchProcess(runtime, argv));
};

/** Opens the runtime before any other module is loaded, because those may need permissions that it checks. */
const chooseRuntime = async (): Promise<Runtime> => {
  const { openRuntime } = await import("#runtime");
  try {
    return openRuntime();
  } catch (error) {
    process.stderr.write(`petit: ${errorMessage(error)}\n`);
    return process.exit(EXIT.USAGE);
  }
};

/**
 * Exempts this machine from the proxies that the environment names, and ignores the variable of Node.js that turns off the check of
 * certificates: `fetch` reads these variables for each request. Tasks do not see the change, because petit works with a copy of
 * the environment from before it.
 */
const secureRequests = (): void => {
  delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  for (const name of ["NO_PROXY", "no_proxy"]) {
    process.env[name] = [process.env[name], "localhost", "127.0.0.1", "[::1]"].filter(Boolean).join(",");
  }
};

/** Ends petit if stdout fails: through its signal handlers if there are any, else directly. */
const watchStreams = (): void => {
  let isFirst = true;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (!isFirst) return;
    isFirst = false;
    // EPIPE is not an error: the reader has read enough, as in `petit schema | head`.
    if (error.code !== "EPIPE") reportWriteError(error);
    // setImmediate lets a command that has finished set its exit status first.
    if (process.listenerCount("SIGINT") === 0) setImmediate(() => process.exit());
    else process.emit("SIGINT");
  });
  // Errors of stderr can't be reported anywhere.
  process.stderr.on("error", () => {});
};

/** Prints the version with a direct write, because opening the streams takes longer than everything else. */
const printVersion = (): void => {
  try {
    writeSync(1, versionLine(manifest.version));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code !== "EPIPE") reportWriteError(error);
  }
};

const reportWriteError = (error: Error): void => {
  process.stderr.write(`petit: stdout can't be written: ${error.message}\n`);
  process.exitCode = EXIT.FAILED;
};

if (isVersionRequest(argv)) printVersion();
else if (isRequestProcess(argv)) await sendRequest();
else if (isFilesProcess(argv)) await readFiles();
else if (isBackupProcess(argv)) await makeBackup();
else if (isSearchProcess(argv)) await searchOutput();
else await main();
