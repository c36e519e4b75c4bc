import { useState } from "react";
import { fetchOutput, type LogFilter } from "../data/lines.ts";
import { Button } from "../ui/button.tsx";
import { withoutEscapes } from "./ansi/ansi.ts";

type ExportProps = { readonly runId: string; readonly filter: LogFilter };

/** Downloads the exact bytes of the output. */
export const DownloadLog = ({ runId, filter }: ExportProps) => {
  const path = logPath(runId, filter);
  const name = [runId.slice(-8), filter.task, filter.stream].filter((part) => part !== undefined).join("-");
  return (
    <a className="button button-quiet" href={path} download={`${name}.log`}>
      Download
    </a>
  );
};

const logPath = (runId: string, { task, item, attempt, stream }: LogFilter): string => {
  const query = new URLSearchParams({ timestamps: "false" });
  if (task !== undefined) query.set("task", task);
  if (item !== undefined) query.set("item", String(item));
  if (attempt !== undefined) query.set("attempt", String(attempt));
  if (stream !== undefined) query.set("stream", stream);
  return `/api/runs/${encodeURIComponent(runId)}/logs?${query}`;
};

/** Maximum number of characters to copy. */
const MAX_COPY = 4_000_000;

/** Copies the filtered output without escape sequences. Hidden if the browser provides no clipboard, as over plain HTTP. */
export const CopyLog = ({ runId, filter }: ExportProps) => {
  const [label, setLabel] = useState("Copy");
  if (navigator.clipboard === undefined) return null;
  const copy = async (): Promise<void> => {
    const text = await (await fetchOutput(runId, filter)).text();
    if (text.length > MAX_COPY) return setLabel("Too long");
    await navigator.clipboard.writeText(withoutEscapes(text));
    setLabel("Copied");
  };
  return (
    <Button
      kind="quiet"
      aria-live="polite"
      onBlur={() => setLabel("Copy")}
      onClick={() => void copy().catch(() => setLabel("Failed"))}
    >
      {label}
    </Button>
  );
};
