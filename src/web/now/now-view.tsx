import { useQuery } from "@tanstack/react-query";
import { Suspense } from "react";
import { lazily } from "../data/lazily.tsx";
import { jobsQuery } from "../data/queries.ts";
import { Page } from "../ui/page.tsx";
import { Loading } from "../ui/states.tsx";
import { AttentionPanel } from "./attention/attention-panel.tsx";
import { NextPanel } from "./next-panel.tsx";
import { RunningPanel } from "./running-panel.tsx";
import { StatsPanel } from "./stats-panel.tsx";
import { Timeline } from "./timeline/timeline.tsx";
import "./now.css";
import { Welcome } from "./welcome.tsx";

const { Component: FirstSteps } = lazily(async () => (await import("../ui/first-steps.tsx")).FirstSteps);

/** Shows what needs attention, and running, past and upcoming runs. */
export const NowView = () => {
  const { data } = useQuery(jobsQuery());
  if (data?.count === 0) {
    return (
      <Page title="Now">
        <AttentionPanel />
        <Welcome />
        <Suspense fallback={<Loading what="the first steps" />}>
          <FirstSteps />
        </Suspense>
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
