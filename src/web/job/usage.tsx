import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { NEAR_LIMIT } from "../../domain/limits/near-limit.ts";
import { cpuText, memoryText } from "../../domain/words/limits/usage.ts";
import { shortRunId } from "../../domain/words/run-path.ts";
import { statusWords } from "../../domain/words/waiting-for.ts";
import type { RunData } from "../data/shapes.ts";
import { TooltipText } from "../ui/overlay/tooltip.tsx";
import { Table } from "../ui/table/table.tsx";
import { counted, durationText, fullTimeText } from "../ui/text/format.ts";
import { historyQuery } from "./history.tsx";
import "./usage.css";

type Usage = NonNullable<RunData["usage"]>;
type MeasuredRun = RunData & { readonly usage: Usage };

/** Shows what the newest runs of a job used, if petit measured that. */
export const JobUsage = ({ jobId }: { readonly jobId: string }) => {
  const { data } = useQuery(historyQuery(jobId));
  const runs = (data?.runs ?? []).filter(isMeasured).toReversed();
  if (runs.length === 0) return null;
  const hasMemory = runs.some(({ usage }) => usage.memory_peak_bytes !== null);
  return (
    <section className="card job-usage" aria-labelledby="usage">
      <h2 id="usage">CPU and memory</h2>
      <div className="usage-charts">
        {hasMemory && <Memory runs={runs} />}
        <Cpu runs={runs} />
      </div>
      {!hasMemory && (
        <p className="muted">Without a cgroup, peaks of memory below that of petit itself are not known.</p>
      )}
      <details>
        <summary>{counted(runs.length, "run")} as a table</summary>
        <UsageTable runs={runs.toReversed()} />
      </details>
    </section>
  );
};

/** An older petit does not say what a run used. */
const isMeasured = (run: RunData): run is MeasuredRun => run.usage !== undefined && run.usage !== null;

const Memory = ({ runs }: { readonly runs: readonly MeasuredRun[] }) => {
  const peaks = runs.map(({ usage }) => usage.memory_peak_bytes);
  const limits = runs.map(({ usage }) => usage.memory_limit_bytes);
  const highest = Math.max(...peaks.map((peak) => peak ?? 0));
  const top = Math.max(1, highest, ...limits.map((limit) => limit ?? 0));
  const share = (bytes: number | null): number | null => (bytes === null ? null : bytes / top);
  const tones = runs.map(toneOf);
  const hasLimit = limits.some((limit) => limit !== null);
  const most = memoryText({ cpu_user_ms: 0, cpu_system_ms: 0, memory_peak_bytes: highest }, null);
  const last = runs.at(-1);
  const lastText = last === undefined ? null : memoryTextOf(last);
  return (
    <Course
      title="Peak of memory"
      caption={
        <>
          <span>Most {most}</span>
          {hasLimit && (
            <span className="usage-key">
              <i className="usage-limit-key" aria-hidden="true" /> Limit
            </span>
          )}
          {tones.includes("near") && (
            <span className="usage-key">
              <i className="usage-near" aria-hidden="true" /> At least {NEAR_LIMIT * 100} % of it
            </span>
          )}
          {tones.includes("over") && (
            <span className="usage-key">
              <i className="usage-over" aria-hidden="true" /> Ran out of memory
            </span>
          )}
        </>
      }
      summary={`Peaks of memory of the newest runs: at most ${most}.${lastText === null ? "" : ` The newest run: ${lastText}.`}`}
      runs={runs}
      bars={peaks.map((peak, index) => ({ share: share(peak), tone: tones[index] ?? "plain" }))}
      lines={limits.map(share)}
    />
  );
};

const toneOf = ({ usage, reason }: MeasuredRun): "plain" | "near" | "over" => {
  const { memory_peak_bytes: peak, memory_limit_bytes: limit } = usage;
  if (reason === "out_of_memory") return "over";
  return peak !== null && limit !== null && peak >= limit * NEAR_LIMIT ? "near" : "plain";
};

const Cpu = ({ runs }: { readonly runs: readonly MeasuredRun[] }) => {
  const times = runs.map(({ usage }) => usage.cpu_user_ms + usage.cpu_system_ms);
  const longest = Math.max(1, ...times);
  const most = durationText(longest);
  return (
    <Course
      title="CPU time"
      caption={<span>Most {most}</span>}
      summary={`CPU times of the newest runs: at most ${most}. The newest run: ${cpuText(runs.at(-1)?.usage ?? null, durationText)}.`}
      runs={runs}
      bars={times.map((time) => ({ share: time / longest, tone: "plain" }))}
      lines={[]}
    />
  );
};

type CourseProps = {
  readonly title: string;
  readonly caption: ReactNode;
  /** Says the same in words. */
  readonly summary: string;
  readonly runs: readonly MeasuredRun[];
  /** For each run, the height of its bar as a part of the highest; null if that is not known. */
  readonly bars: readonly { readonly share: number | null; readonly tone: "plain" | "near" | "over" }[];
  /** For each run, the height of the line above its bar; null or missing for none. */
  readonly lines: readonly (number | null)[];
};

const HEIGHT = 96;
const STEP = 12;
const BAR = 9;
const MIN_HEIGHT = 2;

const heightOf = (share: number): number => MIN_HEIGHT + (HEIGHT - MIN_HEIGHT - 2) * share;

const Course = ({ title, caption, summary, runs, bars, lines }: CourseProps) => {
  const [hovered, setHovered] = useState<{ readonly run: MeasuredRun; readonly anchor: Element } | null>(null);
  return (
    <figure className="trend usage-course">
      <figcaption className="muted">
        <strong>{title}</strong> {caption}
      </figcaption>
      <div className="trend-scroll">
        <svg width={runs.length * STEP} height={HEIGHT} role="img" aria-label={summary}>
          {runs.map((run, index) => {
            const { share = null, tone = "plain" } = bars[index] ?? {};
            const line = lines[index] ?? null;
            const x = index * STEP;
            return (
              <g
                key={run.id}
                onPointerEnter={(event) => setHovered({ run, anchor: event.currentTarget })}
                onPointerLeave={() => setHovered(null)}
              >
                <rect className="usage-reach" x={x} y={0} width={STEP} height={HEIGHT} />
                {share !== null && (
                  <rect
                    className={`usage-bar usage-${tone}`}
                    data-run={run.id}
                    x={x + 1}
                    y={HEIGHT - heightOf(share) - 1}
                    width={BAR}
                    height={heightOf(share)}
                    rx={1.5}
                  />
                )}
                {line !== null && (
                  <line
                    className="usage-limit"
                    x1={x}
                    x2={x + STEP}
                    y1={HEIGHT - heightOf(line) - 1}
                    y2={HEIGHT - heightOf(line) - 1}
                  />
                )}
              </g>
            );
          })}
        </svg>
      </div>
      {hovered !== null && <TooltipText text={aboutRun(hovered.run)} anchor={hovered.anchor} />}
    </figure>
  );
};

const memoryTextOf = ({ usage }: MeasuredRun): string | null => memoryText(usage, usage.memory_limit_bytes);

const aboutRun = (run: MeasuredRun): string => {
  const memory = memoryTextOf(run);
  return [
    [
      statusWords(run),
      `CPU ${cpuText(run.usage, durationText)}`,
      ...(memory === null ? [] : [`memory ${memory}`]),
    ].join(", "),
    fullTimeText(run.started_at ?? run.created_at),
  ].join("\n");
};

const UsageTable = ({ runs }: { readonly runs: readonly MeasuredRun[] }) => (
  <Table
    label="What the newest runs used"
    head={
      <tr>
        <th scope="col">Run</th>
        <th scope="col" className="number">
          CPU
        </th>
        <th scope="col" className="number">
          Memory
        </th>
        <th scope="col">Started</th>
        <th scope="col">Status</th>
      </tr>
    }
  >
    {runs.map((run) => (
      <tr key={run.id}>
        <td>
          <Link href={`/runs/${run.id}`}>{shortRunId(run.id)}</Link>
        </td>
        <td className="number">{cpuText(run.usage, durationText)}</td>
        <td className="number">{memoryTextOf(run) ?? "–"}</td>
        <td>{fullTimeText(run.started_at ?? run.created_at)}</td>
        <td>{statusWords(run)}</td>
      </tr>
    ))}
  </Table>
);
