import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { notificationsQuery } from "../data/queries.ts";
import type { NotificationData } from "../data/shapes.ts";
import { Status } from "../ui/status/status.tsx";
import { Table } from "../ui/table/table.tsx";
import { Countdown, Time } from "../ui/time/time.tsx";

/** What was to be told of jobs and wasn't: given up, or not yet. Where there is nothing of the kind, it takes a line. */
export const Notifications = () => {
  const givenUp = useQuery(notificationsQuery("given_up")).data?.notifications ?? [];
  const waiting = useQuery(notificationsQuery("waiting")).data?.notifications ?? [];
  const all = [...waiting, ...givenUp];
  return (
    <section className="system-part">
      <h2>Notifications that were not delivered</h2>
      {all.length === 0 ? <p className="muted">None: whoever was to be told took it.</p> : <Undelivered all={all} />}
    </section>
  );
};

const Undelivered = ({ all }: { readonly all: readonly NotificationData[] }) => (
  <Table
    label="Notifications that were not delivered"
    isCards
    head={
      <tr>
        <th scope="col">Status</th>
        <th scope="col">Event</th>
        <th scope="col">Job</th>
        <th scope="col">To</th>
        <th scope="col">Queued</th>
        <th scope="col" className="number">
          Tries
        </th>
        <th scope="col">Why not</th>
      </tr>
    }
  >
    {all.map((each) => (
      <NotificationRow key={each.id} notification={each} />
    ))}
  </Table>
);

const NotificationRow = ({ notification }: { readonly notification: NotificationData }) => {
  const { status, event, job_id, run_id, type, target, created_at, attempts, error, next_try_at } = notification;
  return (
    <tr>
      <td>
        <Status
          of={status === "waiting" ? "pending" : "failed"}
          label={status === "waiting" ? "waiting" : "given up"}
        />
      </td>
      <td data-label="Event">{event}</td>
      <td data-label="Job">
        <Link href={run_id === null ? `/jobs/${job_id}` : `/runs/${run_id}`} data-row>
          {job_id}
        </Link>
      </td>
      <td data-label="To">
        {type} <span className="mono">{target}</span>
      </td>
      <td data-label="Queued">
        <Time at={created_at} isFocusable={false} />
      </td>
      <td className="number" data-label="Tries">
        {attempts}
      </td>
      <td className="system-long">
        {error ?? (attempts === 0 ? "not tried yet" : "–")}
        {next_try_at !== null && (
          <>
            {attempts === 0 ? "; first " : "; again "}
            <Countdown at={next_try_at} isFocusable={false} />
          </>
        )}
      </td>
    </tr>
  );
};
