import { lazy, Suspense } from "react";
import { Route, Switch } from "wouter";
import { Loading } from "../ui/states.tsx";
import { NotFound } from "./not-found.tsx";

/** Each is loaded when it is first visited. A job, and a run, has a view of its own state: hence the keys. */
const NowView = lazy(async () => ({ default: (await import("../now/now-view.tsx")).NowView }));
const JobsView = lazy(async () => ({ default: (await import("../jobs/jobs-view.tsx")).JobsView }));
const JobView = lazy(async () => ({ default: (await import("../job/job-view.tsx")).JobView }));
const RunsView = lazy(async () => ({ default: (await import("../runs/runs-view.tsx")).RunsView }));
const RunView = lazy(async () => ({ default: (await import("../run/run-view.tsx")).RunView }));
const SystemView = lazy(async () => ({ default: (await import("../system/system-view.tsx")).SystemView }));

export const Routes = () => (
  <Suspense fallback={<Loading what="the view" />}>
    <Switch>
      <Route path="/" component={NowView} />
      <Route path="/jobs" component={JobsView} />
      <Route path="/jobs/:id">{({ id }) => <JobView key={id} jobId={id} />}</Route>
      <Route path="/runs" component={RunsView} />
      <Route path="/runs/:id">{({ id }) => <RunView key={id} runId={id} />}</Route>
      <Route path="/system" component={SystemView} />
      <Route component={NotFound} />
    </Switch>
  </Suspense>
);
