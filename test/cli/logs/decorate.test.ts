import { describe, expect, test } from "bun:test";
import { lineDecorator, taskHead, timeHead } from "../../../src/cli/logs/decorate.ts";
import type { DecodedChunk } from "../../../src/cli/run-display/output-chunk.ts";
import type { Screen } from "../../../src/cli/terminal/terminal.ts";

const PIPE: Screen = {
  isTerminal: false,
  color: false,
  movesCursor: false,
  write: () => {},
  columns: () => 80,
  rows: () => 24,
};

const chunk = (taskId: string, text: string, stream: DecodedChunk["stream"] = "stdout"): DecodedChunk => ({
  taskId,
  item: null,
  stream,
  attempt: 1,
  at: Date.parse("2026-03-06T12:00:00Z"),
  bytes: Buffer.from(text),
});

const textOf = (decorate: ReturnType<typeof lineDecorator>, chunks: readonly DecodedChunk[]): string =>
  Buffer.concat(chunks.map((each) => decorate(each))).toString();

describe("lines with the name of their task", () => {
  const decorate = () => lineDecorator({ heads: [taskHead(["a", "long"], PIPE)], endsLines: true });

  test("have it once, even if a line spans several chunks", () => {
    expect(textOf(decorate(), [chunk("a", "one\ntw"), chunk("a", "o\n\nthree\n")])).toBe(
      "a    │ one\na    │ two\na    │ \na    │ three\n",
    );
  });

  test("do not run into each other", () => {
    expect(textOf(decorate(), [chunk("a", "unfin"), chunk("long", "x\n"), chunk("a", "ished\n")])).toBe(
      "a    │ unfin\nlong │ x\na    │ ished\n",
    );
    expect(textOf(decorate(), [chunk("a", "prompt: "), chunk("a", "error\n", "stderr")])).toBe(
      "a    │ prompt: \na    │ error\n",
    );
  });

  test("have the position of the item that wrote them, and don't mix items", () => {
    const item = (position: number, text: string): DecodedChunk => ({ ...chunk("a", text), item: position });
    expect(textOf(decorate(), [item(0, "unfin"), item(12, "x\n"), item(0, "ished\n")])).toBe(
      "a[0] │ unfin\na[12] │ x\na[0]  │ ished\n",
    );
  });

  test("have at most a third of a terminal for it", () => {
    const screen = { ...PIPE, isTerminal: true, columns: () => 30 };
    const head = taskHead(["partition_of_the_data_001", "b"], screen);
    expect(head(chunk("partition_of_the_data_001", ""))).toBe("parti…_001 │ ");
    expect(head(chunk("b", ""))).toBe("b          │ ");
  });
});

test("lines with their time keep all other bytes", () => {
  const decorate = lineDecorator({ heads: [timeHead], endsLines: false });
  expect(textOf(decorate, [chunk("a", "unfin"), chunk("b", "x\n"), chunk("a", "ished\n")])).toBe(
    "2026-03-06T12:00:00.000Z unfin2026-03-06T12:00:00.000Z x\nished\n",
  );
});

test("without heads the bytes are exact", () => {
  const decorate = lineDecorator({ heads: [], endsLines: false });
  const { bytes } = chunk("a", "\u0000\u001b[31mx");
  expect(decorate({ ...chunk("a", ""), bytes })).toEqual(bytes);
});
