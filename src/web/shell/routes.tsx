import { Suspense } from "react";
import { Link, Route, Switch } from "wouter";
import { Page } from "../ui/page.tsx";
import { Loading } from "../ui/states.tsx";
import { DocsLogin } from "./docs-login.tsx";
import {
  BackfillsView,
  BackfillView,
  JobsView,
  JobView,
  NowView,
  ReviewView,
  RunsView,
  RunView,
  SystemView,
  WorkersView,
} from "./views.ts";

/** The keys give each job and each run a view with its own state. */
export const Routes = () => (
  <Suspense fallback={<Loading what="the view" />}>
    <Switch>
      <Route path="/" component={NowView} />
      <Route path="/jobs" component={JobsView} />
      <Route path="/jobs/:id">{({ id }) => <JobView key={id} jobId={id} />}</Route>
      <Route path="/runs" component={RunsView} />
      <Route path="/runs/:id">{({ id }) => <RunView key={id} runId={id} />}</Route>
      <Route path="/backfills" component={BackfillsView} />
      <Route path="/backfills/:id">{({ id }) => <BackfillView key={id} backfillId={id} />}</Route>
      <Route path="/review" component={ReviewView} />
      <Route path="/workers" component={WorkersView} />
      <Route path="/system" component={SystemView} />
      <Route path="/api/docs" component={DocsLogin} />
      <Route component={NotFound} />
    </Switch>
  </Suspense>
);

const NotFound = () => (
  <Page title="Page not found" lead="There is no page at this address.">
    <p>
      <Link href="/">See what is running now</Link>
    </p>
  </Page>
);
