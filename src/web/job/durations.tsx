import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { durationsQuery } from "../data/queries.ts";
import type { DurationsData } from "../data/shapes.ts";
import { TooltipText } from "../ui/overlay/tooltip.tsx";
import { Loaded } from "../ui/states.tsx";
import { Table } from "../ui/table/table.tsx";
import { counted, durationText } from "../ui/text/format.ts";
import "./durations.css";

/** Shows how long the runs of a job took on each of the last 90 days, also of runs that are deleted by now. */
export const Durations = ({ jobId }: { readonly jobId: string }) => {
  const query = useQuery(durationsQuery(jobId));
  return (
    <section className="card job-durations" aria-labelledby="durations">
      <h2 id="durations">Durations by day</h2>
      <Loaded query={query} what="the durations">
        {(data) => (
          <>
            {data.days.length === 0 ? (
              <p className="muted">No run has ended in these 90 days.</p>
            ) : (
              <Chart data={data} />
            )}
            {!data.complete && <p className="muted">petit still counts the runs of earlier versions.</p>}
          </>
        )}
      </Loaded>
    </section>
  );
};

type DayData = DurationsData["days"][number];

/** A day of the chart, by its distance from the first one. */
type PlacedDay = DayData & { readonly place: number };

const DAY_MS = 86_400_000;
const STEP = 8;
const HEIGHT = 96;
const MARK = 7;

const Chart = ({ data }: { readonly data: DurationsData }) => {
  const [hovered, setHovered] = useState<{ readonly day: DayData; readonly anchor: Element } | null>(null);
  const first = Date.parse(data.from);
  const width = Math.round((Date.parse(data.to) - first) / DAY_MS + 1) * STEP;
  const days = data.days.map((day) => ({ ...day, place: Math.round((Date.parse(day.date) - first) / DAY_MS) }));
  const longest = Math.max(1, ...days.map(({ p95_ms }) => p95_ms ?? 0));
  return (
    <>
      <figure className="durations">
        <figcaption className="muted">
          <Key name="median" text="Median" /> <Key name="p95" text="95 % are shorter" />{" "}
          <Key name="failures" text="A run failed" />
          <span>Top: {durationText(longest)}</span>
        </figcaption>
        <svg
          viewBox={`0 0 ${width} ${HEIGHT + MARK + 1}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={summaryOf(data)}
        >
          {days.map((day) => (
            <g
              key={day.date}
              onPointerEnter={(event) => setHovered({ day, anchor: event.currentTarget })}
              onPointerLeave={() => setHovered(null)}
            >
              <Bars day={day} longest={longest} />
            </g>
          ))}
        </svg>
        <div className="durations-ends muted" aria-hidden="true">
          <span>{data.from}</span>
          <span>today</span>
        </div>
      </figure>
      {hovered !== null && <TooltipText text={aboutDay(hovered.day)} anchor={hovered.anchor} />}
      <details>
        <summary>{counted(data.days.length, "day")} as a table</summary>
        <DayTable days={data.days} timezone={data.timezone} />
      </details>
    </>
  );
};

const Key = ({ name, text }: { readonly name: "median" | "p95" | "failures"; readonly text: string }) => (
  <span className="durations-key">
    <i className={`durations-${name}`} aria-hidden="true" /> {text}
  </span>
);

const Bars = ({
  day: { place, p50_ms, p95_ms, failed },
  longest,
}: {
  readonly day: PlacedDay;
  readonly longest: number;
}) => {
  const x = place * STEP;
  const heightOf = (ms: number): number => Math.max(2, (ms / longest) * HEIGHT);
  return (
    <>
      <rect className="durations-reach" x={x} y={0} width={STEP} height={HEIGHT + MARK + 1} />
      {p95_ms !== null && (
        <rect
          className="durations-p95"
          x={x + 1}
          y={HEIGHT - heightOf(p95_ms)}
          width={STEP - 2}
          height={heightOf(p95_ms)}
        />
      )}
      {p50_ms !== null && (
        <rect
          className="durations-median"
          x={x + 1}
          y={HEIGHT - heightOf(p50_ms)}
          width={STEP - 2}
          height={heightOf(p50_ms)}
        />
      )}
      {failed > 0 && (
        <rect className="durations-failures" x={x + 1} y={HEIGHT + 2} width={STEP - 2} height={MARK - 2} />
      )}
    </>
  );
};

const DayTable = ({ days, timezone }: { readonly days: readonly DayData[]; readonly timezone: string }) => (
  <Table
    label={`Durations by day in ${timezone}`}
    head={
      <tr>
        <th scope="col">Day</th>
        <th scope="col" className="number">
          Completed
        </th>
        <th scope="col" className="number">
          Failed
        </th>
        <th scope="col" className="number">
          Median
        </th>
        <th scope="col" className="number">
          p95
        </th>
      </tr>
    }
  >
    {days.toReversed().map(({ date, completed, failed, p50_ms, p95_ms }) => (
      <tr key={date}>
        <td>{date}</td>
        <td className="number">{completed.toLocaleString()}</td>
        <td className="number">{failed.toLocaleString()}</td>
        <td className="number">{p50_ms === null ? "–" : durationText(p50_ms)}</td>
        <td className="number">{p95_ms === null ? "–" : durationText(p95_ms)}</td>
      </tr>
    ))}
  </Table>
);

const aboutDay = ({ date, completed, failed, p50_ms, p95_ms }: DayData): string =>
  [
    date,
    `${completed.toLocaleString()} completed, ${failed.toLocaleString()} failed`,
    ...(p50_ms === null || p95_ms === null ? [] : [`median ${durationText(p50_ms)}, p95 ${durationText(p95_ms)}`]),
  ].join("\n");

const summaryOf = ({ days, from, to }: DurationsData): string => {
  const failing = days.filter(({ failed }) => failed > 0).length;
  const last = days.findLast(({ p50_ms }) => p50_ms !== null);
  const usual = last?.p50_ms == null ? "" : ` Median on ${last.date}: ${durationText(last.p50_ms)}.`;
  return `Durations from ${from} to ${to}. Runs failed on ${counted(failing, "day")}.${usual}`;
};
