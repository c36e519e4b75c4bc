import { useState } from "react";
import { Link } from "wouter";
import { enforcesText, WORKER_REFUSAL_TEXT } from "../../domain/words/worker.ts";
import type { WorkerData } from "../data/shapes.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { Button } from "../ui/button.tsx";
import { type AnyStatus, Status } from "../ui/status/status.tsx";
import { Table } from "../ui/table/table.tsx";
import { durationText } from "../ui/text/format.ts";
import { Elapsed, Time } from "../ui/time/time.tsx";
import type { WorkerAction } from "./worker-dialog.tsx";

type WorkerTableProps = { readonly workers: readonly WorkerData[]; readonly onAsk: (action: WorkerAction) => void };

/** The workers, with what runs on each. */
export const WorkerTable = ({ workers, onAsk }: WorkerTableProps) => (
  <Table
    label="Workers"
    isCards
    className="workers-table"
    head={
      <tr>
        <th scope="col">Worker</th>
        <th scope="col">State</th>
        <th scope="col">Labels</th>
        <th scope="col">Slots used</th>
        <th scope="col">Runs there</th>
        <th scope="col">
          <span className="visually-hidden">Actions</span>
        </th>
      </tr>
    }
  >
    {workers.map((worker) => (
      <WorkerRow key={worker.name} worker={worker} onAsk={onAsk} />
    ))}
  </Table>
);

type RowProps = Pick<WorkerTableProps, "onAsk"> & { readonly worker: WorkerData };

const WorkerRow = ({ worker, onAsk }: RowProps) => (
  <tr id={worker.name} data-worker={worker.name} data-worker-state={worker.state}>
    <td className="workers-name">
      <a href={`#${worker.name}`} data-row>
        {worker.name}
      </a>
      <small className="muted">
        {worker.address !== "" && `${worker.address}, `}petit {worker.version}
      </small>
      <Enforces worker={worker} />
    </td>
    <td className="workers-state-cell">
      <WorkerState worker={worker} />
    </td>
    <td data-label="Labels">
      <Labels labels={worker.labels} />
    </td>
    <td data-label="Slots used" className="nowrap">
      {worker.slots_used} of {worker.slots}
    </td>
    <td data-label="Runs there">
      <RunsThere worker={worker} />
    </td>
    <td className="workers-actions">
      <Actions worker={worker} onAsk={onAsk} />
    </td>
  </tr>
);

const Enforces = ({ worker: { limits, limits_gap: gap } }: { readonly worker: WorkerData }) => {
  const text = enforcesText(limits);
  if (text === null) return null;
  return (
    <small className="muted">
      {text}
      {gap !== undefined && ` because ${gap.reason}`}
    </small>
  );
};

/** How a worker is shown. A draining worker finishes the attempts that it has. */
const STATE_LIKE = {
  connected: "completed",
  draining: "cancelled",
  unreachable: "failed",
  lost: "failed",
  refused: "missed",
  unknown: "pending",
  gone: "skipped",
} as const satisfies Record<WorkerData["state"] | "draining", AnyStatus>;

const WorkerState = ({ worker }: { readonly worker: WorkerData }) => {
  const { state, draining, refused, last_contact_at } = worker;
  const shown = state === "connected" && draining ? "draining" : state;
  return (
    <div className="workers-state">
      <Status of={STATE_LIKE[shown]} label={shown} />
      <small className="muted">
        {CONTACT_TEXT[state]} <Time at={last_contact_at} isFocusable={false} />
      </small>
      {draining && shown !== "draining" && state !== "gone" && <small className="muted">draining</small>}
      {refused !== null && <small>{WORKER_REFUSAL_TEXT[refused]}</small>}
      <Clock differenceMs={worker.clock_difference_ms} />
    </div>
  );
};

/** What is said before the time of the last contact. */
const CONTACT_TEXT = {
  connected: "last hello",
  unreachable: "since",
  lost: "since",
  refused: "last hello",
  unknown: "last hello",
  gone: "since",
} as const satisfies Record<WorkerData["state"], string>;

/** Smaller clock differences are not shown, in ms. */
const CLOCK_TOLERANCE_MS = 2_000;

const Clock = ({ differenceMs }: { readonly differenceMs: number | null }) =>
  differenceMs !== null &&
  Math.abs(differenceMs) >= CLOCK_TOLERANCE_MS && (
    <small>
      its clock is {durationText(Math.abs(differenceMs))} {differenceMs > 0 ? "ahead" : "behind"}
    </small>
  );

const Labels = ({ labels }: { readonly labels: readonly string[] }) =>
  labels.length === 0 ? (
    <span className="muted">none</span>
  ) : (
    <ul className="workers-labels">
      {labels.map((label) => (
        <li key={label} className="mono">
          {label}
        </li>
      ))}
    </ul>
  );

const taskLink = (runId: string, taskId: string): string => `/runs/${runId}?task=${encodeURIComponent(taskId)}`;

/** More attempts are shown on request. */
const SHOWN = 4;

const RunsThere = ({ worker: { running } }: { readonly worker: WorkerData }) => {
  const [isWhole, setWhole] = useState(false);
  if (running.length === 0) return <span className="muted">nothing</span>;
  const shown = isWhole ? running : running.slice(0, SHOWN);
  return (
    <ul className="workers-running">
      {shown.map(({ run_id, job_id, task_id, item, claimed_at }) => (
        <li key={`${run_id} ${task_id} ${item}`}>
          <Link href={taskLink(run_id, task_id)}>
            {task_id}
            {item !== null && ` [${item}]`}
          </Link>{" "}
          <span className="muted">
            of {job_id}, <Elapsed since={claimed_at} />
          </span>
        </li>
      ))}
      {shown.length < running.length && (
        <li>
          <Button kind="quiet" onClick={() => setWhole(true)}>
            Show {running.length - shown.length} more
          </Button>
        </li>
      )}
    </ul>
  );
};

/** A worker can be forgotten once nothing connects it to petit any more. */
const Actions = ({ worker, onAsk }: RowProps) => {
  const { name, state, draining, running } = worker;
  const isGone = state !== "connected" && state !== "unknown" && running.length === 0;
  return (
    <>
      <ActionButton
        needs="admin"
        isOnce
        aria-label={`${draining ? "Resume" : "Drain"} ${name}`}
        onClick={() => onAsk({ kind: draining ? "resume" : "drain", worker })}
      >
        {draining ? "Resume" : "Drain"}
      </ActionButton>
      {isGone && (
        <ActionButton
          needs="admin"
          isOnce
          kind="quiet"
          aria-label={`Forget ${name}`}
          onClick={() => onAsk({ kind: "forget", worker })}
        >
          Forget
        </ActionButton>
      )}
    </>
  );
};
