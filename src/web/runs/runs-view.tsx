import { useQuery } from "@tanstack/react-query";
import { runsQuery } from "../data/queries.ts";
import { Page } from "../ui/page.tsx";
import { RunTable } from "../ui/run-table.tsx";
import { Empty, Loaded } from "../ui/states.tsx";

export const RunsView = () => {
  const runs = useQuery(runsQuery({ limit: 100 }));
  return (
    <Page title="Runs">
      <Loaded query={runs} what="the runs">
        {(list) => (list.count === 0 ? <Empty title="No run yet" /> : <RunTable label="Runs" runs={list.runs} />)}
      </Loaded>
    </Page>
  );
};
