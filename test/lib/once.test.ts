import { expect, test } from "bun:test";
import { once } from "../../src/lib/once.ts";

test.each([{}, null, undefined])("once computes a value a single time: %p", (value) => {
  let calls = 0;
  const read = once(() => {
    calls++;
    return value;
  });
  expect(calls).toBe(0);
  expect([read(), read()]).toEqual([value, value]);
  expect(calls).toBe(1);
});
