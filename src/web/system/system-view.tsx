import { useQuery } from "@tanstack/react-query";
import { healthQuery } from "../data/queries.ts";
import { Page } from "../ui/page.tsx";
import { Loaded } from "../ui/states.tsx";

export const SystemView = () => {
  const health = useQuery(healthQuery());
  return (
    <Page title="System">
      <Loaded query={health} what="its health">
        {({ status, version, reasons = [] }) => (
          <section className="card">
            <h2>Health</h2>
            <p>
              petit {version} is {status}.
            </p>
            <ul>
              {reasons.map((reason) => (
                <li key={reason}>{reason}</li>
              ))}
            </ul>
          </section>
        )}
      </Loaded>
    </Page>
  );
};
