import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { workersQuery } from "../data/queries.ts";
import type { WorkersData } from "../data/shapes.ts";
import { Page } from "../ui/page.tsx";
import { Loaded } from "../ui/states.tsx";
import { Time } from "../ui/time/time.tsx";
import { FirstWorker } from "./first-worker.tsx";
import { Waiting } from "./waiting.tsx";
import { type WorkerAction, WorkerDialog } from "./worker-dialog.tsx";
import { WorkerTable } from "./worker-table.tsx";
import "./workers.css";

const REFETCH_MS = 2_000;

/** Shows the workers, what runs on each, and what waits for one. */
export const WorkersView = () => {
  const workers = useQuery({ ...workersQuery(), refetchInterval: REFETCH_MS });
  return (
    <Page title="Workers" isWide lead={workers.data !== undefined && <Nats nats={workers.data.nats} />}>
      <Loaded query={workers} what="the workers">
        {(data) => <Parts data={data} />}
      </Loaded>
    </Page>
  );
};

/** The connection to NATS. */
const Nats = ({ nats }: { readonly nats: WorkersData["nats"] }) => {
  if (nats === null) return "petit runs without --nats";
  return (
    <>
      {nats.connected ? "Connected to" : "Not connected to"} <code>{nats.url}</code> since{" "}
      <Time at={nats.since} isFocusable={false} />
    </>
  );
};

const Parts = ({ data }: { readonly data: WorkersData }) => {
  const [asked, setAsked] = useState<WorkerAction | null>(null);
  return (
    <div className="workers">
      {data.nats?.connected === false && <Away error={data.nats.error} />}
      {data.waiting.length > 0 && <Waiting waiting={data.waiting} />}
      {data.count === 0 ? (
        <FirstWorker hasNats={data.nats !== null} />
      ) : (
        <WorkerTable workers={data.workers} onAsk={setAsked} />
      )}
      {asked !== null && <WorkerDialog action={asked} onClose={() => setAsked(null)} />}
    </div>
  );
};

/** Says what works while petit does not reach NATS. */
const Away = ({ error }: { readonly error: string | null }) => (
  <div className="note note-failure" role="status">
    <h2>petit does not reach NATS</h2>
    {error !== null && <p className="mono">{error}</p>}
    <p>
      What runs on workers goes on, and they keep its output. Nothing new starts there until petit and the workers are
      connected again.
    </p>
  </div>
);
