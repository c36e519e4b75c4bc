import { Link } from "wouter";
import { waitsForText } from "../../domain/words/waits-for.ts";
import type { WorkersData } from "../data/shapes.ts";
import { StatusIcon } from "../ui/status/status.tsx";
import { counted } from "../ui/text/format.ts";
import { Time } from "../ui/time/time.tsx";

/** What waits for a worker, one line for each set of labels, and for what keeps it from workers with the labels. */
export const Waiting = ({ waiting }: { readonly waiting: WorkersData["waiting"] }) => (
  <section className="card workers-waiting" aria-labelledby="workers-waiting">
    <h2 id="workers-waiting">Waiting for a worker</h2>
    <ul>
      {waiting.map(({ waits_for, count, since, run_id, job_id, task_id }) => (
        <li key={`${run_id} ${task_id}`} data-labels={waits_for.labels.join()}>
          <StatusIcon of={waits_for.connected === 0 ? "missed" : "pending"} />
          <p>
            <Link href={`/runs/${run_id}?task=${encodeURIComponent(task_id)}`} data-row>
              {task_id} of {job_id}
            </Link>
            {count > 1 && ` and ${counted(count - 1, "more task")}`} {count > 1 ? "wait" : "waits"} for{" "}
            {waitsForText(waits_for)}{" "}
            <span className="muted">
              since <Time at={since} isFocusable={false} />
            </span>
          </p>
        </li>
      ))}
    </ul>
  </section>
);
