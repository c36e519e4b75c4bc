import { expect, test } from "bun:test";
import type { DraftCheck } from "../../../src/api/options.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";

const CHECKED: DraftCheck = {
  jobs: [],
  others: [],
  broken: [],
  errors: [],
  warnings: [],
  present: null,
  isNew: true,
  isUnchanged: false,
  isChangedMeanwhile: false,
};

const unused = (): never => {
  throw new Error("only checks are made");
};

test("only 16 checks of job files are in progress at once; others are told to come again", async () => {
  const released = Promise.withResolvers<DraftCheck>();
  let [begun, isFailing] = [0, false];
  const check = (): Promise<DraftCheck> => {
    begun++;
    return isFailing ? Promise.reject(new Error("a fault of the test")) : released.promise;
  };
  const { ask, api } = fakeApi({ editor: { list: unused, read: unused, save: unused, check } });
  const post = () =>
    ask("/api/job-files/check", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ path: "a.yaml", text: "", base: null }),
    });
  isFailing = true;
  // A check that fails makes room, too.
  expect((await post()).status).toBe(500);
  isFailing = false;
  const answers = Array.from({ length: 20 }, post);
  const first = await Promise.race(answers);
  expect([first.status, first.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await first.json()).toMatchObject({ error: "16 texts are being checked; try again in a moment" });
  released.resolve(CHECKED);
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  expect(statuses.sort()).toEqual([...Array(16).fill(200), ...Array(4).fill(503)]);
  expect(begun).toBe(17);
  expect((await post()).status).toBe(200);
  api.close();
});
