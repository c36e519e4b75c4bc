import type { Log } from "../../src/lib/log.ts";

/** A log that records its lines as JSON. */
export type RecordingLog = Log & {
  text(): string;
  /** Resolves when a line contains all parts. */
  holds(...parts: readonly string[]): Promise<void>;
};

export const recordingLog = (): RecordingLog => {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const write =
    (level: string): Log["info"] =>
    (fields, message) => {
      lines.push(JSON.stringify({ level, ...fields, err: errorOf(fields.err), message }));
      for (const check of [...waiting]) check();
    };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    text: () => lines.join("\n"),
    holds: (...parts) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!lines.some((line) => parts.every((part) => line.includes(part)))) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
  };
};

const errorOf = (error: unknown): unknown => (error instanceof Error ? { ...error, stack: error.stack } : error);
