import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { statsQuery } from "../data/queries.ts";
import type { StatsData } from "../data/shapes.ts";
import { Loaded } from "../ui/states.tsx";
import { Status } from "../ui/status/status.tsx";

/** Shows how many runs, occurrences and events of the last 24 hours had each outcome. Each count links to them. */
export const StatsPanel = () => {
  const stats = useQuery(statsQuery());
  const rate = stats.data?.success_rate;
  return (
    <section className="card now-panel" aria-labelledby="now-stats">
      <h2 id="now-stats">
        Last 24 hours<span className="visually-hidden">:</span>{" "}
        {rate !== null && rate !== undefined && <span className="muted now-rate">{rateText(rate)} success</span>}
      </h2>
      <Loaded query={stats} what="the statistics">
        {(counts) => <Counts {...counts} />}
      </Loaded>
    </section>
  );
};

const FINAL_STATUSES = ["completed", "failed", "cancelled", "interrupted"] as const;

/** Failures are many runs of few jobs, so they are grouped. */
const hrefOf = (status: (typeof FINAL_STATUSES)[number]): string =>
  status === "failed" || status === "interrupted"
    ? `/runs?status=${status}&group=job&within=24h`
    : `/runs?status=${status}&within=24h`;

const Counts = ({ runs, occurrences, deliveries = NO_DELIVERIES }: StatsData) => (
  <ul className="now-stats">
    {FINAL_STATUSES.map((status) => (
      <Count key={status} count={runs[status]} href={hrefOf(status)}>
        <Status of={status} />
      </Count>
    ))}
    <Count count={occurrences.skipped + deliveries.skipped} href="/?since=24h&show=trouble">
      <Status of="skipped" />
    </Count>
    <Count count={occurrences.missed} href="/?since=24h&show=trouble">
      <Status of="missed" />
    </Count>
    {deliveries.waiting > 0 && (
      <Count count={deliveries.waiting} href="/?since=24h&show=trouble">
        <Status of="waiting" label={deliveries.waiting === 1 ? "event waits" : "events wait"} />
      </Count>
    )}
  </ul>
);

/** An older petit does not count them. */
const NO_DELIVERIES = { skipped: 0, waiting: 0 };

type CountProps = { readonly count: number; readonly href: string; readonly children: ReactNode };

const Count = ({ count, href, children }: CountProps) => (
  <li data-zero={count === 0 || undefined}>
    <Link href={href}>
      <strong>{count.toLocaleString()}</strong> {children}
    </Link>
  </li>
);

/** Rounds down, so that a single failure never shows as 100 %. */
const rateText = (rate: number): string => `${(Math.floor(rate * 1000) / 10).toLocaleString()} %`;
