import { PetitError } from "../domain/errors.ts";
import { UNHANDLED_ERROR_TEXT } from "../domain/words/health.ts";
import { type App, type AppOptions, startApp } from "./app.ts";
import { reapOrphans } from "./reap.ts";
import { onSignal, type Signal } from "./signals.ts";
import { engineStatus } from "./systemd/status-line.ts";
import { Systemd } from "./systemd/systemd.ts";
import { onUnhandledError } from "./unhandled-errors.ts";

/**
 * Runs petit until a signal ends it. SIGTERM or SIGINT stops it as configured, a second signal immediately; SIGHUP
 * reloads the job files. Calls `ready` when petit accepts triggers, then notifies systemd.
 */
export const runApp = async (options: AppOptions, ready: (app: App) => void): Promise<void> => {
  const { log, settings } = options;
  const asked = Promise.withResolvers<Signal>();
  let stopping = false;
  let app: App | null = null;
  using _errors = onUnhandledError((error) => {
    log.error({ err: error }, UNHANDLED_ERROR_TEXT);
    app?.engine.noteUnhandledError(error);
  });
  using systemd = new Systemd(options);
  using _ = onSignal((signal) => {
    if (signal === "SIGHUP") {
      if (app !== null) void systemd.reloading(app.reload);
      return;
    }
    if (stopping) void app?.stop("now");
    stopping = true;
    asked.resolve(signal);
  });
  using _orphans = reapOrphans(options);
  app = await startApp(options);
  options.runtime.compileAsUsual();
  await using _app = app;
  ready(app);
  systemd.ready(engineStatus(app.engine));
  const signal = await Promise.race([asked.promise, app.superseded]);
  systemd.stopping();
  if (signal instanceof PetitError) {
    // What runs goes on without it: its database has another petit.
    log.error({ err: signal }, "stopping, because the database was restored elsewhere");
    await app.stop("leave");
    throw signal;
  }
  log.info({ signal, how: settings.onShutdown }, "stopping; a second signal ends what runs at once");
  await app.stop(settings.onShutdown);
  log.info({}, "stopped");
};
