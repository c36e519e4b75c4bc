import { useQuery } from "@tanstack/react-query";
import { jobsQuery } from "../data/queries.ts";
import { FirstSteps } from "../ui/first-steps.tsx";
import { Page } from "../ui/page.tsx";
import { AttentionPanel } from "./attention/attention-panel.tsx";
import { NextPanel } from "./next-panel.tsx";
import { RunningPanel } from "./running-panel.tsx";
import { StatsPanel } from "./stats-panel.tsx";
import { Timeline } from "./timeline/timeline.tsx";
import "./now.css";
import { Welcome } from "./welcome.tsx";

/** Shows what needs attention, and running, past and upcoming runs. */
export const NowView = () => {
  const { data } = useQuery(jobsQuery());
  if (data?.count === 0) {
    return (
      <Page title="Now">
        <AttentionPanel />
        <Welcome />
        <FirstSteps />
      </Page>
    );
  }
  return (
    <Page title="Now" isWide>
      <AttentionPanel />
      <Welcome />
      <div className="now-panels">
        <RunningPanel />
        <NextPanel />
        <StatsPanel />
      </div>
      <Timeline />
    </Page>
  );
};
