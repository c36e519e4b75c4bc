import { describe, expect, test } from "bun:test";
import type { RequestKind } from "../../src/engine/workers/transport.ts";
import { Intake } from "../../src/nats/intake.ts";

type Request = { readonly worker: string; readonly kind: RequestKind; readonly bytes: number; readonly id: number };

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** An intake, and the ids of the requests that it has handed on, by worker. */
const openIntake = () => {
  const handled: Record<string, number[]> = {};
  const intake = new Intake<Request>(({ worker, id }) => {
    const ids = handled[worker] ?? [];
    handled[worker] = [...ids, id];
  });
  let next = 0;
  const add = (worker: string, kind: RequestKind, bytes = 100): number => {
    const id = next++;
    intake.add({ worker, kind, bytes, id });
    return id;
  };
  return { add, handled };
};

describe("the requests of workers", () => {
  test("are handed on in order, the first one at once", async () => {
    const { add, handled } = openIntake();
    add("a", "hello");
    expect(handled).toEqual({ a: [0] });
    for (const kind of ["claim", "hello", "output", "hello", "outcome"] as const) add("a", kind);
    await nextTurn();
    await nextTurn();
    expect(handled).toEqual({ a: [0, 1, 2, 3, 4, 5] });
    await nextTurn();
    expect(add("b", "hello")).toBe(6);
    expect(handled.b).toEqual([6]);
  });

  test("of one that floods petit with hellos are answered once, and delay no other", async () => {
    const { add, handled } = openIntake();
    const last = Array.from({ length: 100_000 }, () => add("flood", "hello")).at(-1);
    const claim = add("other", "claim");
    await nextTurn();
    await nextTurn();
    expect(handled).toEqual({ flood: [0, Number(last)], other: [claim] });
  });

  test("that are too many or too large are dropped", async () => {
    const { add, handled } = openIntake();
    for (let each = 0; each < 5_000; each++) add("many", "claim");
    for (let each = 0; each < 5_000; each++) add("large", "output", 2 ** 20);
    const isDone = (): boolean => (handled.many?.length ?? 0) === 1_001 && (handled.large?.length ?? 0) === 64;
    while (!isDone()) await nextTurn();
    await nextTurn();
    expect(isDone()).toBe(true);
  });
});
