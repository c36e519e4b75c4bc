import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { jobsQuery, jobsWithParamsQuery } from "../data/queries.ts";
import { readStored, writeStored } from "../data/stored-preference.ts";
import { Button } from "../ui/button.tsx";
import { CopyLine } from "../ui/copy-line.tsx";
import { exampleJob } from "./example-job.ts";
import "./welcome.css";

const KEY = "petit.welcomed";

/** Explains the first view until the user dismisses it. */
export const Welcome = () => {
  const [isDismissed, setDismissed] = useState(wasWelcomed);
  if (isDismissed) return null;
  const dismiss = (): void => {
    writeStored("local", KEY, "yes");
    setDismissed(true);
  };
  return (
    <aside className="welcome" aria-label="Welcome">
      <p>
        <strong>Each row is a job.</strong> A bar is a run, as long as the run took; a tick is an upcoming run. Open a
        job to see its graph and to run it, or a run to see its output. <kbd className="key">?</kbd> lists the keyboard
        shortcuts, and <Link href="/system">System</Link> shows the health of petit.
      </p>
      <p className="welcome-act">From a terminal or a script:</p>
      <TriggerLine />
      <Button onClick={dismiss}>Got it</Button>
    </aside>
  );
};

const wasWelcomed = (): boolean => readStored("local", KEY) !== null;

/** The list that says which jobs take params is large. Who has more jobs than this knows how to start one. */
const MAX_JOBS = 100;

const TriggerLine = () => {
  const { data: jobs } = useQuery(jobsQuery());
  const isIdle = useIdle();
  const { data } = useQuery({
    ...jobsWithParamsQuery(),
    enabled: isIdle && jobs !== undefined && jobs.count <= MAX_JOBS,
  });
  const id = exampleJob(data?.jobs ?? [])?.id ?? "JOB";
  return <CopyLine text={`curl -X POST ${location.origin}/api/jobs/${id}/trigger`} />;
};

/** Returns true after a second, when the first view is loaded. */
const useIdle = (): boolean => {
  const [isIdle, setIdle] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIdle(true), 1_000);
    return () => clearTimeout(timer);
  }, []);
  return isIdle;
};
