import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { useTestNotifications } from "../data/actions.ts";
import { notificationsQuery } from "../data/queries.ts";
import type { NotificationData } from "../data/shapes.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { Loaded } from "../ui/states.tsx";
import { Status } from "../ui/status/status.tsx";
import { Table } from "../ui/table/table.tsx";
import { Countdown, Time } from "../ui/time/time.tsx";

/** Shows notifications that wait to be sent or were given up. */
export const Notifications = () => {
  const givenUp = useQuery(notificationsQuery("given_up"));
  const waiting = useQuery(notificationsQuery("waiting"));
  return (
    <section id="notifications" className="system-part">
      <h2>Undelivered notifications</h2>
      <Loaded query={waiting} what="the notifications that wait">
        {(first) => (
          <Loaded query={givenUp} what="the notifications that were given up">
            {(second) => <Undelivered all={[...first.notifications, ...second.notifications]} />}
          </Loaded>
        )}
      </Loaded>
    </section>
  );
};

const Undelivered = ({ all }: { readonly all: readonly NotificationData[] }) =>
  all.length === 0 ? <p className="muted">All notifications were delivered.</p> : <UndeliveredTable all={all} />;

const UndeliveredTable = ({ all }: { readonly all: readonly NotificationData[] }) => (
  <Table
    label="Undelivered notifications"
    isCards
    head={
      <tr>
        <th scope="col">Status</th>
        <th scope="col">Event</th>
        <th scope="col">Job</th>
        <th scope="col">To</th>
        <th scope="col">Queued</th>
        <th scope="col" className="number">
          Attempts
        </th>
        <th scope="col">Error</th>
      </tr>
    }
  >
    {all.map((each) => (
      <NotificationRow key={each.id} notification={each} />
    ))}
  </Table>
);

const NotificationRow = ({ notification }: { readonly notification: NotificationData }) => {
  const test = useTestNotifications();
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
        {job_id === null ? (
          <Link href="/review" data-row>
            Review
          </Link>
        ) : (
          <Link href={run_id === null ? `/jobs/${job_id}` : `/runs/${run_id}`} data-row>
            {job_id}
          </Link>
        )}
      </td>
      <td data-label="To" className="system-to">
        {type} <span className="mono">{target}</span>
      </td>
      <td data-label="Queued">
        <Time at={created_at} isFocusable={false} />
      </td>
      <td className="number" data-label="Attempts">
        {attempts}
      </td>
      <td className="system-long">
        {error ?? (attempts === 0 ? "not attempted yet" : "–")}
        {next_try_at !== null && (
          <>
            {attempts === 0 ? "; first attempt " : "; next attempt "}
            <Countdown at={next_try_at} isFocusable={false} />
          </>
        )}{" "}
        <ActionButton needs="operator" isOnce isBusy={test.isPending} onClick={() => test.mutate(job_id)}>
          Send a test<span className="visually-hidden"> for {job_id ?? "the digest"}</span>
        </ActionButton>
      </td>
    </tr>
  );
};
