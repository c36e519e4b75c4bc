import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { decisionsOf, decisionText } from "../../domain/words/people/decision.ts";
import {
  causeFacts,
  otherParamsText,
  type RunFactValue,
  timeFacts,
  triggerText,
  usedText,
} from "../../domain/words/run-facts.ts";
import { notInUseText, shortCommit } from "../../domain/words/versions/repository.ts";
import { assertNever } from "../../lib/never.ts";
import { repositoryQuery } from "../data/queries.ts";
import { useMay, useScheduleZone } from "../data/selected.ts";
import type { RunDetail, TaskRunData } from "../data/shapes.ts";
import { RunLink, WebLinks } from "../ui/links.tsx";
import { RunStatusText } from "../ui/status/status.tsx";
import { capital, durationText } from "../ui/text/format.ts";
import { Duration, Elapsed, Time, ZonedTime } from "../ui/time/time.tsx";
import { ChildRuns, tasksWithChildren } from "./child-runs.tsx";
import { hasRanOn, RanOn } from "./machines.tsx";
import { latenessText, summaryTextOf } from "./run-summary-text.ts";

type SummaryProps = {
  readonly run: RunDetail;
  readonly tasks: readonly TaskRunData[];
  /** Time zone of the job's schedule; null if it is petit's. */
  readonly timezone: string | null;
  /** Details of a failure. */
  readonly children: ReactNode;
};

/** Describes the state of a run and lists its facts. */
export const RunSummary = ({ run, tasks, timezone, children }: SummaryProps) => {
  const zone = useScheduleZone(timezone);
  const mayAudit = useMay("admin");
  const decisions = decisionsOf(tasks);
  const { what, next } = summaryTextOf(run, tasks);
  // An older petit does not say it.
  const recovery = run.recovered_by ?? null;
  // It is known at the end. Here it needs no further line, which would move the graph and the log.
  const used = usedText(run.usage ?? null, durationText);
  return (
    <section className="card run-summary" aria-label="Summary" data-run-status={run.status}>
      <p className="run-words" role="status">
        <RunStatusText run={run} isPill />{" "}
        {recovery !== null && (
          <strong className="run-recovery">
            Recovered by <RunLink id={recovery.run_id} /> at <Time at={recovery.at} zone={zone} />
            {otherParamsText(recovery)}
          </strong>
        )}{" "}
        <span className={recovery === null ? undefined : "muted"}>{what}</span>{" "}
        {next !== null && <span className="muted">{next}</span>}{" "}
        {used !== null && <span className="muted">{used}</span>}
      </p>
      {children}
      <dl className="run-facts">
        {[...timeFacts(run), ...causeFacts(run)].map(({ title, value }) =>
          title === undefined || ("at" in value && value.at === null) ? null : (
            <Fact key={title} name={title}>
              <FactValue value={value} run={run} zone={zone} />
            </Fact>
          ),
        )}
        {decisions.length > 0 && <Fact name="Decided">{capital(decisions.map(decisionText).join("; "))}</Fact>}
        {run.backfill != null && (
          <Fact name="Backfill">
            <Link href={`/backfills/${run.backfill.id}`} className="mono">
              {run.backfill.id.slice(-8)}
            </Link>
          </Fact>
        )}
        {tasksWithChildren(tasks).length > 0 && (
          <Fact name="Child runs">
            <ChildRuns runId={run.id} tasks={tasks} />
          </Fact>
        )}
        {hasRanOn(tasks) && (
          <Fact name="Ran on">
            <RanOn tasks={tasks} />
          </Fact>
        )}
        {mayAudit && (
          <Fact name="Who did this">
            <Link href={`/system/audit?run=${run.id}`}>audit log</Link>
          </Fact>
        )}
        {(run.status === "failed" || run.status === "interrupted") && Object.keys(run.links).length > 0 && (
          <Fact name="What to do">
            <WebLinks links={run.links} />
          </Fact>
        )}
        <VersionFact run={run} />
        <Fact name="Run">
          <code>{run.id}</code>
        </Fact>
      </dl>
    </section>
  );
};

type FactValueProps = { readonly value: RunFactValue; readonly run: RunDetail; readonly zone: string | null };

const FactValue = ({ value, run, zone }: FactValueProps) => {
  switch (value.kind) {
    case "text":
      return value.text;
    case "trigger":
      return triggerText(value);
    case "time":
    case "since":
      return value.at === null ? null : <Time at={value.at} zone={zone} />;
    case "occurrence":
      return value.at === null ? null : (
        <>
          <ZonedTime at={value.at} zone={zone} /> <span className="muted">{latenessText(run)}</span>
        </>
      );
    case "duration":
      return value.ms === null && value.since !== null ? <Elapsed since={value.since} /> : <Duration ms={value.ms} />;
    case "runs":
      return value.ids.map((id) => <RunLink key={id} id={id} />);
    case "commit":
      return <RunCommit id={value.id} />;
    case "task":
      return (
        <>
          <RunLink id={value.runId} task={value.taskId} />{" "}
          <span className="muted">
            task {value.taskId}
            {value.item !== null && `, item ${value.item}`}
          </span>
        </>
      );
    default:
      return assertNever(value);
  }
};

/** A commit, and whether the jobs are from another one by now. */
const RunCommit = ({ id }: { readonly id: string }) => {
  const text = notInUseText(id, useQuery(repositoryQuery()).data?.commit?.id ?? null);
  return (
    <span>
      <code title={id}>{shortCommit(id)}</code>
      {text !== "" && <span className="muted">, {text}</span>}
    </span>
  );
};

/** An older petit does not say it. */
const VersionFact = ({ run: { job_id, version } }: { readonly run: Pick<RunDetail, "job_id"> & Partial<RunDetail> }) =>
  version !== undefined && (
    <Fact name="Definition">
      <Link href={`/jobs/${job_id}?versions=${version.version}#definition`}>version {version.version}</Link>
    </Fact>
  );

const Fact = ({ name, children }: { readonly name: string; readonly children: ReactNode }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);
