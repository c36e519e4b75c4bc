import type { Log } from "../../src/lib/log.ts";

/** A log that remembers, each line as JSON with its message. */
export type RecordingLog = Log & {
  text(): string;
  /** Resolves when one line holds all of these. */
  holds(...parts: readonly string[]): Promise<void>;
};

export const recordingLog = (): RecordingLog => {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const write =
    (level: string): Log["info"] =>
    (fields, message) => {
      lines.push(JSON.stringify({ level, ...fields, err: errorOf(fields.err), message }));
      for (const look of [...waiting]) look();
    };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    text: () => lines.join("\n"),
    holds: (...parts) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!lines.some((line) => parts.every((part) => line.includes(part)))) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
};

const errorOf = (error: unknown): unknown => (error instanceof Error ? { ...error, stack: error.stack } : error);
