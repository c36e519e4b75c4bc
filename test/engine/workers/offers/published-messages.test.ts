import { expect, test } from "bun:test";
import { PublishedMessages } from "../../../../src/engine/workers/offers/published-messages.ts";

test("a message is foreign if it is none of those that were published of its attempt", async () => {
  const messages = new PublishedMessages();
  await messages.note(7, async () => ({ sequence: 3 }));
  await messages.note(7, async () => ({ sequence: 5 }));
  expect([3, 4, 5].map((message) => messages.isForeign(7, message))).toEqual([false, true, false]);
  expect(messages.isForeign(8, 3)).toBe(false);
});

test("no message is foreign while the number of one is unknown", async () => {
  const messages = new PublishedMessages();
  const { promise, resolve } = Promise.withResolvers<{ readonly sequence: number }>();
  const publishing = messages.note(7, () => promise);
  expect(messages.isForeign(7, 4)).toBe(false);
  resolve({ sequence: 3 });
  await publishing;
  expect(messages.isForeign(7, 4)).toBe(true);
  await expect(messages.note(7, () => Promise.reject(new Error("timeout")))).rejects.toThrow("timeout");
  expect(messages.isForeign(7, 4)).toBe(false);
});
