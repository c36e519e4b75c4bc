import { expect, test } from "bun:test";
import { PETIT } from "../../support/cli.ts";
import { canStepClock, steppedClock } from "../../support/engine/faults-clock.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { Tmux } from "../../support/terminal/tmux.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { openWeb } from "../../support/web/web.ts";

const JOBS = {
  "noon.yaml":
    'id: noon\nschedule: {cron: "0 12 * * *", timezone: UTC}\ntasks: [{id: t, type: command, command: "true"}]\n',
};

/** When petit's clock is set, and what the page and `petit top` say of the next occurrence then. */
const STEPS = [
  { name: "far from the reader's clock", at: "2026-03-10T09:00:00Z", shown: /in 2h ?59m/ },
  { name: "forward", at: "2026-03-10T10:00:00Z", shown: /in 1h ?59m/ },
  { name: "back, to where another occurrence is next", at: "2026-03-09T11:00:00Z", shown: /in 59m/ },
] as const;

test.skipIf(!canStepClock || CHROMIUM === null || Bun.which("tmux") === null)(
  "the time until the next occurrence is that of petit's clock, also after it was set",
  async () => {
    using dir = tempDir();
    const clock = steppedClock(dir.path);
    const setTo = (instant: string): void => clock.set(Date.parse(instant) - Date.now());
    setTo(STEPS[0].at);
    await using petit = await startPetit({ jobs: JOBS, env: clock.environment, args: ["--no-watch"] });
    await using web = await openWeb({ url: petit.url });
    using terminal = new Tmux({ env: { PETIT_URL: petit.url } });
    terminal.run(`${PETIT.join(" ")} top`);
    await web.open("/jobs");
    const next = web.page.locator("time", { hasText: /^in / }).first();
    for (const step of STEPS) {
      setTo(step.at);
      // Each response says the time, and the page asks for the health of petit every 30 s.
      await next.filter({ hasText: step.shown }).waitFor({ timeout: 45_000 });
      await terminal.until(step.shown);
    }
    expect(web.complaints()).toEqual([]);
  },
  150_000,
);
