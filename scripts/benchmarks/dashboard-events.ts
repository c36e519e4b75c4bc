import type { Page } from "playwright-core";

/** The number of events in one hour at 60 per second. */
export const HOUR_OF_EVENTS = 60 * 3_600;

/** Replaces the page's event stream by one that `sendEvents` and `replayEvents` write to. */
export const replaceEventStream = (page: Page): Promise<unknown> => page.addInitScript(REPLACE_STREAM);

const REPLACE_STREAM = `
  const real = window.fetch;
  let seq = 1e9;
  window.fetch = (input, init) => {
    if (!String(input.url ?? input).includes("/api/events")) return real(input, init);
    const start = (controller) => {
      window.petitEvents = controller;
      // petit sends a heartbeat when a connection opens.
      controller.enqueue(new TextEncoder().encode(": petit\\n\\n"));
    };
    const body = new ReadableStream({ start });
    return Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }));
  };
  const id = (run) => "0fffffff-0000-7000-8000-" + run.toString(16).padStart(12, "0");
  // Alternates between the start and the end of a run; the runs belong to 1,000 jobs in turn.
  window.sendEvents = (count) => {
    let text = "";
    for (let each = 0; each < count; each++) {
      const run = Math.floor(++seq / 2);
      const type = seq % 2 === 0 ? "run.started" : "run.finished";
      const data = { seq, at: Date.now(), job_id: "job-" + String(run % 1000).padStart(5, "0"), run_id: id(run), status: seq % 2 === 0 ? "running" : "completed" };
      text += "id: " + seq + "\\nevent: " + type + "\\ndata: " + JSON.stringify(data) + "\\n\\n";
    }
    window.petitEvents.enqueue(new TextEncoder().encode(text));
  };
`;

export type Frames = { readonly frames: number; readonly longestMs: number };

type EventRate = { readonly perSecond: number; readonly seconds: number };

/** Sends events one by one and measures the frames meanwhile. */
export const sendEvents = (page: Page, { perSecond, seconds }: EventRate): Promise<Frames> =>
  page.evaluate(`new Promise((resolve) => {
    let [frames, longestMs, sent] = [0, 0, 0];
    const startedAt = performance.now();
    let last = startedAt;
    const frame = (now) => {
      frames++;
      longestMs = Math.max(longestMs, now - last);
      last = now;
      if (now - startedAt < ${seconds * 1000}) requestAnimationFrame(frame);
      else { clearInterval(timer); resolve({ frames, longestMs }); }
    };
    const timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedAt) / 1000) * ${perSecond});
      for (; sent < due; sent++) window.sendEvents(1);
    }, 4);
    requestAnimationFrame(frame);
  })`);

/** Sends `count` events, 900 per frame, and waits two seconds. */
export const replayEvents = (page: Page, count: number): Promise<unknown> =>
  page.evaluate(`new Promise((resolve) => {
    let remaining = ${count};
    const frame = () => {
      window.sendEvents(Math.min(remaining, 900));
      remaining -= 900;
      if (remaining > 0) requestAnimationFrame(frame);
      else setTimeout(resolve, 2_000);
    };
    requestAnimationFrame(frame);
  })`);
