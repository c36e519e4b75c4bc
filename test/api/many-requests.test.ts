import { describe, expect, test } from "bun:test";
import { ask, runToEnd } from "../support/petit/api.ts";
import { parseMetrics } from "../support/petit/metrics.ts";
import { startPetit } from "../support/petit/petit.ts";
import { makeRequest, send, type WireRequest, type WireResponse } from "../support/petit/requests.ts";
import { randomOf } from "../support/torture/random.ts";

const JOBS = {
  "jobs.yaml": `
id: hello
schedule: "@every 1h"
max_concurrency: 4
params: {x: {default: ""}}
retention: {runs: 100}
tasks: [{id: only, type: command, command: echo, args: ["hello"]}]
`,
};

/** Number of requests; set PETIT_TEST_REQUESTS=200000 for a long test. */
const COUNT = Number(process.env.PETIT_TEST_REQUESTS ?? 10_000);
const SEED = Number(process.env.PETIT_TEST_SEED ?? Date.now() % 1_000_000);
const AT_ONCE = 32;
/** Allowed growth of memory between the first third and the end; the heap varies. */
const FLAT_BYTES = 48_000_000;

/** Returns what is wrong with an answer, or null. */
const fault = ({ intact }: WireRequest, { status, headers, body }: WireResponse): string | null => {
  if (status === null) return intact ? "no answer" : null;
  if (status >= 500 && status !== 505) return `status ${status}`;
  // An answer of the runtime's own parser has no body.
  if (headers["x-request-id"] === undefined)
    return [400, 413, 431, 505].includes(status) ? null : `no request id: ${status}`;
  if (headers["x-content-type-options"] !== "nosniff") return "no nosniff";
  if (status < 400 || body === "" || !intact) return null;
  const failure: unknown = JSON.parse(body);
  const isFailure =
    typeof failure === "object" && failure !== null && /^error,code(,details)?$/.test(Object.keys(failure).join());
  return isFailure ? null : `not a failure: ${body.slice(0, 200)}`;
};

describe(`${COUNT} requests, valid, mutated and hostile`, () => {
  test(
    `meet no 500 and no crash, and leave memory flat (PETIT_TEST_SEED=${SEED})`,
    async () => {
      await using petit = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
      const random = randomOf(SEED);
      const run = await runToEnd(petit, "hello");
      const statuses = new Map<number | null, number>();
      const faults: string[] = [];
      let left = COUNT;
      const sendSome = async (until: number): Promise<void> => {
        while (left > until) {
          left -= 1;
          const request = makeRequest(random, run.id);
          const answer = await send(petit.url, request);
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
          const wrong = fault(request, answer);
          if (wrong !== null && faults.length < 10)
            faults.push(`${wrong}: ${JSON.stringify(request.text.slice(0, 500))}`);
        }
      };
      const sendMany = (until: number) => Promise.all(Array.from({ length: AT_ONCE }, () => sendSome(until)));
      const memory = async (): Promise<number> =>
        parseMetrics(await (await petit.fetch("/metrics")).text()).value("process_resident_memory_bytes") ?? 0;

      /** Returns the growth with a third of the requests. The heap grows in steps; what leaks grows with every third. */
      const growth = async (first: number): Promise<number> => {
        let bytes = first;
        for (let looks = 1; bytes >= FLAT_BYTES && looks <= 3; looks++) {
          const before = await memory();
          left = Math.ceil(COUNT / 3);
          await sendMany(0);
          bytes = (await memory()) - before;
        }
        return bytes;
      };

      await sendMany(Math.ceil((COUNT * 2) / 3));
      const before = await memory();
      await sendMany(0);
      const after = await memory();
      expect(faults).toEqual([]);
      expect(await growth(after - before)).toBeLessThan(FLAT_BYTES);
      // Check that the generator reaches each kind of answer.
      const rare = [200, 400, 403, 404, 405, 431].filter((status) => (statuses.get(status) ?? 0) < COUNT / 500);
      expect(rare).toEqual([]);
      expect(petit.stderr()).not.toContain('"level":"error"');
      expect((await ask(petit, "/api/health")).body).toMatchObject({ status: "ok" });
      expect((await runToEnd(petit, "hello")).status).toBe("completed");
      if (process.env.PETIT_TEST_REQUESTS !== undefined) console.log({ before, after, statuses });
    },
    30_000 + COUNT * 10,
  );
});
