import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { deliverySubject, deliveryText } from "../../domain/words/deliveries/delivery.ts";
import { useReplay } from "../data/actions.ts";
import { deliveriesQuery } from "../data/queries.ts";
import type { DeliveryData } from "../data/shapes.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { Button } from "../ui/button.tsx";
import { Loaded } from "../ui/states.tsx";
import { Status } from "../ui/status/status.tsx";
import { Table } from "../ui/table/table.tsx";
import { capital } from "../ui/text/format.ts";
import { Time } from "../ui/time/time.tsx";

const FEW = 10;
const LISTED = 100;

/** Shows the events that reached a job, and what became of each. */
export const Deliveries = ({ jobId }: { readonly jobId: string }) => {
  const [isWhole, setWhole] = useState(false);
  const query = useQuery({ ...deliveriesQuery(jobId, LISTED), placeholderData: keepPreviousData });
  return (
    <section className="card job-ledger" aria-labelledby="events">
      <h2 id="events">Events</h2>
      <Loaded query={query} what="the events">
        {({ deliveries }) =>
          deliveries.length === 0 ? (
            <p className="muted">No event has reached this job yet.</p>
          ) : (
            <>
              <Ledger deliveries={isWhole ? deliveries : deliveries.slice(0, FEW)} />
              {!isWhole && deliveries.length > FEW && (
                <Button onClick={() => setWhole(true)}>Show {deliveries.length - FEW} more</Button>
              )}
            </>
          )
        }
      </Loaded>
    </section>
  );
};

const Ledger = ({ deliveries }: { readonly deliveries: readonly DeliveryData[] }) => (
  <Table
    label="Events that reached this job"
    isCards
    head={
      <tr>
        <th scope="col">Received</th>
        <th scope="col">Event</th>
        <th scope="col">Outcome</th>
        <th scope="col">What became of it</th>
        <th scope="col">
          <span className="visually-hidden">Actions</span>
        </th>
      </tr>
    }
  >
    {deliveries.map((delivery) => (
      <tr key={delivery.id} data-outcome={delivery.outcome}>
        <td>
          <Time at={delivery.received_at} />
        </td>
        <td data-label="Event">
          {deliverySubject(delivery)}
          {delivery.trigger !== null && <span className="muted"> to {delivery.trigger}</span>}
        </td>
        <td data-label="Outcome">
          <Status of={delivery.outcome} />
        </td>
        <td data-label="What became of it">
          {delivery.run_id === null ? (
            capital(deliveryText(delivery))
          ) : (
            <Link href={`/runs/${delivery.run_id}`}>{capital(deliveryText(delivery))}</Link>
          )}
          {delivery.replay_of !== null && <span className="muted">, again</span>}
        </td>
        <td>
          <ReplayButton delivery={delivery} />
        </td>
      </tr>
    ))}
  </Table>
);

const ReplayButton = ({ delivery: { id, event_type } }: { readonly delivery: DeliveryData }) => {
  const { mutate, isPending } = useReplay();
  return (
    <ActionButton needs="operator" isOnce isBusy={isPending} onClick={() => mutate(id)}>
      Replay<span className="visually-hidden"> {event_type}</span>
    </ActionButton>
  );
};
