import { useQuery } from "@tanstack/react-query";
import { Suspense } from "react";
import { Link, Redirect, Route, Switch } from "wouter";
import { runsQuery } from "../data/queries.ts";
import { Page } from "../ui/page.tsx";
import { Loading } from "../ui/states.tsx";
import { DocsLogin } from "./docs-login.tsx";
import {
  AuditView,
  BackfillsView,
  BackfillView,
  EditView,
  JobsView,
  JobView,
  NowView,
  ReviewView,
  RunsView,
  RunView,
  SearchView,
  SystemView,
  TokensView,
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
      <Route path="/runs/:id">
        {({ id }) => (RUN_ID_PART.test(id) ? <RunByPart key={id} part={id} /> : <RunView key={id} runId={id} />)}
      </Route>
      <Route path="/backfills" component={BackfillsView} />
      <Route path="/backfills/:id">{({ id }) => <BackfillView key={id} backfillId={id} />}</Route>
      <Route path="/review" component={ReviewView} />
      <Route path="/workers" component={WorkersView} />
      <Route path="/system" component={SystemView} />
      <Route path="/system/tokens" component={TokensView} />
      <Route path="/system/audit" component={AuditView} />
      <Route path="/search" component={SearchView} />
      <Route path="/edit/*?" component={EditView} />
      <Route path="/api/docs" component={DocsLogin} />
      <Route component={NotFound} />
    </Switch>
  </Suspense>
);

/** A part of the id of a run, such as the short one that lists show. */
const RUN_ID_PART = /^[0-9a-f-]{4,35}$/i;

/** Leads to the run that has a part of an id, or shows those that have it. */
const RunByPart = ({ part }: { readonly part: string }) => {
  const { data, isPending } = useQuery(runsQuery({ id: part, limit: MAX_MATCHES }));
  if (isPending) return <Loading what="the run" />;
  const [run, ...others] = data?.runs ?? [];
  if (run !== undefined && others.length === 0) return <Redirect to={`/runs/${run.id}${location.search}`} replace />;
  if (run === undefined)
    return (
      <Page title="Run not found" lead={`No run has ${part} in its id, or it was deleted.`}>
        <p>
          <Link href="/runs">List the runs</Link>
        </p>
      </Page>
    );
  return (
    <Page title="Which run?" lead={`Several runs have ${part} in their ids.`}>
      <ul>
        {[run, ...others].map(({ id, job_id }) => (
          <li key={id}>
            <Link href={`/runs/${id}`} className="mono">
              {id}
            </Link>{" "}
            {job_id}
          </li>
        ))}
      </ul>
    </Page>
  );
};

const MAX_MATCHES = 10;

const NotFound = () => (
  <Page title="Page not found" lead="There is no page at this address.">
    <p>
      <Link href="/">See what is running now</Link>
    </p>
  </Page>
);
