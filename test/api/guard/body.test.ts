import { describe, expect, test } from "bun:test";
import { MAX_BODY_BYTES, readJson } from "../../../src/api/guard/body.ts";

/** Returns a body in chunks without a length, and the number of chunks that were read. */
const chunked = (count: number, size: number) => {
  let given = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        if (given === count) return controller.close();
        given++;
        controller.enqueue(new Uint8Array(size).fill(0x20));
      },
    },
    { highWaterMark: 0 },
  );
  return { request: new Request("http://localhost/", { method: "POST", body }), given: () => given };
};

describe("a body that comes in chunks", () => {
  test("is read to its end if it is within the limit", async () => {
    const { request } = chunked(MAX_BODY_BYTES / 1024, 1024);
    expect(await readJson({ request })).toEqual({});
  });

  test("is refused at the limit, and not read further", async () => {
    const { request, given } = chunked(100_000, 65_536);
    await expect(readJson({ request })).rejects.toMatchObject({ failure: "PAYLOAD_TOO_LARGE" });
    expect(given()).toBeLessThan(20);
  });
});
