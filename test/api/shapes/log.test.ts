import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { selectLogFormat } from "../../../src/api/shapes/log.ts";
import { parseTaskId } from "../../../src/domain/ids.ts";
import type { OutputChunk } from "../../../src/store/output.ts";

const taskId = parseTaskId("task");
if (taskId === null) throw new Error("not an id");

const chunk = (bytes: Uint8Array | string, rest: Partial<OutputChunk> = {}): OutputChunk => {
  const exact = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  const newlines = exact.filter((byte) => byte === 10).length;
  const lines = newlines + (exact.at(-1) === 10 ? 0 : 1);
  return {
    seq: 1,
    taskId,
    item: null,
    itemKey: null,
    attempt: 1,
    stream: "stdout",
    at: 0,
    ...rest,
    bytes: exact,
    lines,
  };
};

const textOf = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
const records = (bytes: Uint8Array) =>
  textOf(bytes)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("the format of output", () => {
  test.each([
    [null, "text/plain"],
    ["*/*", "text/plain"],
    ["text/html, application/json", "text/plain"],
    ["application/x-ndjson", "application/x-ndjson"],
    ["Application/X-NDJSON; q=1", "application/x-ndjson"],
    ["text/event-stream", "text/event-stream"],
    ["application/json, text/event-stream", "text/event-stream"],
    ["application/x-ndjson, text/event-stream", "application/x-ndjson"],
  ])("for Accept: %p is %s", (accept, type) => {
    expect(selectLogFormat(accept, false).headers["content-type"]).toStartWith(type);
  });
});

describe("output as text", () => {
  test("is the bytes themselves", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        expect(selectLogFormat(null, false).encode(chunk(bytes), 0)).toEqual(bytes);
      }),
    );
  });

  test("leaves out the first lines", () => {
    const { encode } = selectLogFormat(null, false);
    expect(textOf(encode(chunk("a\nb\nc"), 1))).toBe("b\nc");
    expect(textOf(encode(chunk("a\nb\nc"), 2))).toBe("c");
    expect(textOf(encode(chunk("\n\nc\n"), 2))).toBe("c\n");
  });

  test("has the time before each line if requested", () => {
    const { encode } = selectLogFormat(null, true);
    const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
    expect(textOf(encode(chunk("a\n\nb\n", { at }), 0))).toBe(
      "2026-01-02T03:04:05.678Z a\n2026-01-02T03:04:05.678Z \n2026-01-02T03:04:05.678Z b\n",
    );
  });

  test("has the time once before a line in several chunks", () => {
    const { encode } = selectLogFormat(null, true);
    const stamp = "1970-01-01T00:00:00.000Z ";
    expect(textOf(encode(chunk("aaa"), 0))).toBe(`${stamp}aaa`);
    expect(textOf(encode(chunk("err\n", { stream: "stderr" }), 0))).toBe(`${stamp}err\n`);
    expect(textOf(encode(chunk("bbb\nc\n"), 0))).toBe(`bbb\n${stamp}c\n`);
    expect(textOf(encode(chunk("d\n"), 0))).toBe(`${stamp}d\n`);
  });
});

describe("output as records", () => {
  const { encode } = selectLogFormat("application/x-ndjson", false);

  test("has one record per line, with its number", () => {
    expect(records(encode(chunk("a\nb\n", { seq: 7, attempt: 2, stream: "stderr", at: 9 }), 0))).toEqual([
      { seq: 7, task_id: "task", attempt: 2, stream: "stderr", at: 9, text: "a" },
      { seq: 8, task_id: "task", attempt: 2, stream: "stderr", at: 9, text: "b" },
    ]);
  });

  test("continues after a number", () => {
    expect(records(encode(chunk("a\nb\nc\n", { seq: 7 }), 2))).toMatchObject([{ seq: 9, text: "c" }]);
  });

  test("has as many records as the chunk has lines", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1 }), fc.boolean(), (texts, ended) => {
        const lines = texts.map((text) => text.replaceAll("\n", ""));
        const whole = lines.join("\n") + (ended || lines.at(-1) === "" ? "\n" : "");
        expect(records(encode(chunk(whole), 0)).map((record) => record.text)).toEqual(
          lines.map((line) => line.toWellFormed()),
        );
      }),
    );
  });

  test("keeps carriage returns, nulls and escapes as they are", () => {
    const text = "a\r\u0000\u001b[31m\u2028\uFEFF";
    expect(records(encode(chunk(`${text}\n`), 0))[0].text).toBe(text);
  });

  test("replaces bytes that are not UTF-8 by U+FFFD, line by line", () => {
    const bytes = new Uint8Array([0xff, 0xe2, 0x82, 10, 0x61, 10]);
    expect(records(encode(chunk(bytes), 0)).map((record) => record.text)).toEqual(["��", "a"]);
  });

  test("as server-sent events has the number as id", () => {
    const events = textOf(selectLogFormat("text/event-stream", false).encode(chunk("a\nb\n", { seq: 3 }), 0));
    expect(events.split("\n\n").filter((event) => event !== "")).toHaveLength(2);
    expect(events).toStartWith('id: 3\ndata: {"seq":3,');
  });
});

describe("output as chunks", () => {
  const { encode, resumable } = selectLogFormat("text/event-stream; chunks=base64", false);

  test("has its exact bytes, and resumes after its last line", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        const given = chunk(bytes, { seq: 7, attempt: 2, stream: "stderr", at: 9 });
        const [, id, data = ""] = /^id: (\d+)\ndata: (.*)\n\n$/.exec(textOf(encode(given, 0))) ?? [];
        const base64 = Buffer.from(bytes).toString("base64");
        expect(Number(id)).toBe(7 + given.lines - 1);
        expect(JSON.parse(data)).toEqual({ seq: 7, task_id: "task", attempt: 2, stream: "stderr", at: 9, base64 });
      }),
    );
    expect(resumable).toBe(true);
  });

  test("leaves out the first lines", () => {
    expect(textOf(encode(chunk("a\nb\n", { seq: 3 }), 1))).toContain(`id: 4\ndata: {"seq":4,`);
    expect(textOf(encode(chunk("a\nb\n", { seq: 3 }), 1))).toContain(`"base64":"${btoa("b\n")}"`);
  });
});
