import { useQuery } from "@tanstack/react-query";
import { runsQuery } from "../data/queries.ts";
import { Page } from "../ui/page.tsx";
import { RunTable } from "../ui/run-table.tsx";
import { Empty, Loaded } from "../ui/states.tsx";

/** What runs at this moment. */
export const NowView = () => {
  const running = useQuery(runsQuery({ status: "running", limit: 100 }));
  return (
    <Page title="Now">
      <Loaded query={running} what="what is running">
        {({ runs }) => (runs.length === 0 ? <Empty title="Nothing runs" /> : <RunTable runs={runs} label="Running" />)}
      </Loaded>
    </Page>
  );
};
