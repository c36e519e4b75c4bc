/** @jsxImportSource react */
import { render } from "ink";
import { defaultZone } from "../../app/settings/settings.ts";
import type { Client } from "../../client/client.ts";
import { errorMessage } from "../../lib/error-message.ts";
import { assertNever } from "../../lib/never.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { act } from "./data/act.ts";
import { Feed } from "./data/feed.ts";
import { loadAttention, loadJobs, loadRuns, loadWorkers } from "./data/load.ts";
import { App } from "./input/app.tsx";
import { TerminalSession } from "./input/terminal-session.ts";
import { initialState } from "./state/initial-state.ts";
import type { Effect, Message } from "./state/message.ts";
import type { TopState } from "./state/state.ts";
import { watchedBy } from "./state/watched.ts";
import { TopStore } from "./top-store.ts";

/** Frames per second at most. Less than the eye needs for text saves the processor of a slow connection. */
const MAX_FPS = 20;
const TICK_MS = 1_000;

/** Shows the dashboard until the user quits. The terminal is restored however it ends. */
export const runTop = async (client: Client, context: Context): Promise<ExitStatus> => {
  // Errors before the first screen are reported as by other commands: no petit, a wrong token.
  const state = await loadState(client, context);
  const session = new TerminalSession();
  const store = new TopStore(state);
  const feed = new Feed({ client, clock: context.clock, send: (message) => store.send(message) }, state);
  const perform = (effect: Effect): void => {
    switch (effect.kind) {
      case "quit":
        session.quit();
        break;
      case "suspend":
        session.suspend();
        break;
      case "act":
        void act(client, effect.action).then((message) => {
          store.send(message);
          feed.refresh();
        });
        break;
      case "load-earlier":
        void feed.loadEarlier(effect.target, effect.beforeSeq);
        break;
      case "load-params":
        void loadParams(client, effect.jobId).then((message) => store.send(message));
        break;
      default:
        assertNever(effect);
    }
  };
  store.start({ perform, changed: (after) => feed.watch(watchedBy(after)) });
  const ticking = ticker(context, store);
  try {
    await session.run(
      () =>
        render(<App store={store} session={session} color={context.terminal.out.color} clock={context.clock} />, {
          alternateScreen: true,
          // Not the default in a CI environment, although this is a terminal.
          interactive: true,
          exitOnCtrlC: false,
          incrementalRendering: true,
          maxFps: MAX_FPS,
          patchConsole: false,
        }),
      () => feed.run(),
    );
  } finally {
    ticking();
    feed.stop();
  }
  return EXIT.DONE;
};

const loadState = async (client: Client, { clock, settings, terminal: { out } }: Context): Promise<TopState> => {
  const at = clock.now();
  const [system, jobs, runs, attention, workers] = await Promise.all([
    client.get("/api/system"),
    loadJobs(client),
    loadRuns(client),
    loadAttention(client),
    loadWorkers(client),
  ]);
  return initialState({
    system,
    jobs,
    runs,
    attention,
    workers,
    at,
    zone: defaultZone(settings),
    base: client.base,
    columns: out.columns(),
    rows: out.rows(),
  });
};

const loadParams = async (client: Client, jobId: string): Promise<Message> => {
  try {
    return { kind: "params", detail: await client.get("/api/jobs/:job_id", { params: { job_id: jobId } }) };
  } catch (error) {
    return { kind: "failed", text: errorMessage(error) };
  }
};

/** Sends the time each second. Returns a function that stops it. */
const ticker = ({ clock }: Context, store: TopStore): (() => void) => {
  let cancel = (): void => {};
  const tick = (): void => {
    store.send({ kind: "tick", at: clock.now() });
    cancel = clock.setTimeout(tick, TICK_MS);
  };
  cancel = clock.setTimeout(tick, TICK_MS);
  return () => cancel();
};
