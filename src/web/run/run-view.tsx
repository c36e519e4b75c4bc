import { useQuery } from "@tanstack/react-query";
import { runQuery, runTasksQuery } from "../data/queries.ts";
import { Page } from "../ui/page.tsx";
import { Loaded } from "../ui/states.tsx";
import { Status } from "../ui/status.tsx";

export const RunView = ({ runId }: { readonly runId: string }) => {
  const run = useQuery(runQuery(runId));
  const tasks = useQuery(runTasksQuery(runId));
  return (
    <Page title={`Run ${runId.slice(-8)}`} lead={run.data?.job_id}>
      <Loaded query={run} what="the run">
        {({ status, error }) => (
          <p>
            <Status of={status} isPill /> {error}
          </p>
        )}
      </Loaded>
      <Loaded query={tasks} what="its tasks">
        {(list) => (
          <ul>
            {list.tasks.map(({ task_id, status }) => (
              <li key={task_id}>
                <Status of={status} /> {task_id}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Page>
  );
};
