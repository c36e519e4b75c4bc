import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useReload } from "../data/actions.ts";
import { noticeStore } from "../data/notice-store.ts";
import { systemQuery } from "../data/queries.ts";
import { useIsEditing } from "../data/selected.ts";
import type { SystemData } from "../data/shapes.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { Page } from "../ui/page.tsx";
import { Loaded } from "../ui/states.tsx";
import { capital } from "../ui/text/format.ts";
import { Display } from "./display.tsx";
import { Facts } from "./facts.tsx";
import { Health } from "./health.tsx";
import { Interfaces } from "./interfaces.tsx";
import { JobFiles } from "./job-files.tsx";
import { JobRepository } from "./job-repository.tsx";
import { Notifications } from "./notifications.tsx";
import { People } from "./people.tsx";
import { Problems } from "./problems.tsx";
import { Queues } from "./queues.tsx";
import { Scheduler } from "./scheduler.tsx";
import { Session } from "./session.tsx";
import { Settings } from "./settings.tsx";
import "./system.css";

/** Shows the health, scheduler, settings and facts of petit. */
export const SystemView = () => {
  const system = useQuery(systemQuery());
  return (
    <Page title="System" actions={system.data !== undefined && system.data.job_repository == null && <Reload />}>
      <Loaded query={system} what="the system information">
        {(data) => <Parts system={data} />}
      </Loaded>
    </Page>
  );
};

const Parts = ({ system }: { readonly system: SystemData }) => {
  const isEditing = useIsEditing();
  // The part that a link names exists only now.
  useEffect(() => document.getElementById(location.hash.slice(1))?.scrollIntoView({ block: "start" }), []);
  return (
    <>
      <div className="system-cards">
        <Health system={system} />
        <Scheduler system={system} />
        <Facts system={system} />
        <Display />
      </div>
      {system.job_repository != null && <JobRepository repository={system.job_repository} />}
      {isEditing && <JobFiles />}
      {system.problems.length > 0 && <Problems problems={system.problems} />}
      <Queues />
      <Notifications />
      <People />
      <Session />
      <Settings settings={system.settings} />
      <Interfaces needsToken={system.needs_token} />
    </>
  );
};

const Reload = () => {
  const reload = useReload();
  return (
    <ActionButton
      needs="admin"
      isBusy={reload.isPending}
      onClick={() =>
        reload.mutate(undefined, { onSuccess: ({ message }) => noticeStore.show({ text: capital(message) }) })
      }
    >
      Reload job files
    </ActionButton>
  );
};
