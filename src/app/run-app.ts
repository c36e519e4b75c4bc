import type { Log } from "../lib/log.ts";
import { type App, type AppOptions, startApp } from "./app.ts";
import { onSignal, type Signal } from "./signals.ts";

/**
 * Runs a petit until a signal ends it: SIGTERM or SIGINT stops it as the settings say, a second one at once; SIGHUP has
 * it read its job files again. `ready` is told when it takes triggers.
 */
export const runApp = async (options: AppOptions, ready: (app: App) => void): Promise<void> => {
  const { log, settings } = options;
  const asked = Promise.withResolvers<Signal>();
  let stopping = false;
  let app: App | null = null;
  using _ = onSignal((signal) => {
    if (signal === "SIGHUP") return void app?.reload();
    if (stopping) void app?.stop("now");
    stopping = true;
    asked.resolve(signal);
  });
  app = await startApp(options);
  await using _app = app;
  ready(app);
  const signal = await asked.promise;
  tellStop(log, { signal, how: settings.onShutdown, running: app.engine.counts.running });
  await app.stop(settings.onShutdown);
  log.info({}, "stopped");
};

const tellStop = (
  log: Log,
  { signal, how, running }: { readonly signal: Signal; readonly how: string; readonly running: number },
): void => {
  const waits = how === "drain" && running > 0;
  log.info(
    { signal, how, running },
    waits ? "stopping when what runs has ended; a second signal ends it now" : "stopping",
  );
};
