import type { Page } from "playwright-core";

/** Sixty a second. */
export const HOUR_OF_EVENTS = 60 * 3_600;

/** Has the page read events that `everySecond` and `replay` make up, in the place of petit's own. */
export const takeOverEvents = (page: Page): Promise<unknown> => page.addInitScript(TAKE_OVER);

const TAKE_OVER = `
  const real = window.fetch;
  let seq = 1e9;
  window.fetch = (input, init) => {
    if (!String(input.url ?? input).includes("/api/events")) return real(input, init);
    const body = new ReadableStream({ start: (controller) => { window.petitEvents = controller; } });
    return Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }));
  };
  const id = (run) => "0fffffff-0000-7000-8000-" + run.toString(16).padStart(12, "0");
  // Runs of a thousand jobs in turn; each starts and ends.
  window.tell = (count) => {
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

type Pace = { readonly perSecond: number; readonly seconds: number };

/** Events one by one, and how long the frames took meanwhile. */
export const everySecond = (page: Page, { perSecond, seconds }: Pace): Promise<Frames> =>
  page.evaluate(`new Promise((resolve) => {
    let [frames, longestMs, told] = [0, 0, 0];
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
      for (; told < due; told++) window.tell(1);
    }, 4);
    requestAnimationFrame(frame);
  })`);

/** So many, as many in a frame as the page takes. */
export const replay = (page: Page, count: number): Promise<unknown> =>
  page.evaluate(`new Promise((resolve) => {
    let left = ${count};
    const frame = () => {
      window.tell(Math.min(left, 900));
      left -= 900;
      if (left > 0) requestAnimationFrame(frame);
      else setTimeout(resolve, 2_000);
    };
    requestAnimationFrame(frame);
  })`);
