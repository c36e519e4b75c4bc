import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { jobsQuery } from "../data/queries.ts";
import type { JobSummary } from "../data/shapes.ts";
import { readStored, writeStored } from "../data/stored-preference.ts";
import { Button } from "../ui/button.tsx";
import { CopyLine } from "../ui/copy-line.tsx";
import "./welcome.css";

const KEY = "petit.welcomed";

/** What the first view shows and what to do next, until somebody says that they know. */
export const Welcome = () => {
  const [isKnown, setKnown] = useState(wasWelcomed);
  if (isKnown) return null;
  const dismiss = (): void => {
    writeStored("local", KEY, "yes");
    setKnown(true);
  };
  return (
    <aside className="welcome" aria-label="Welcome">
      <p>
        <strong>Each row is a job.</strong> A bar is a run, as long as it took; a tick is one to come. Open a job to see
        its graph and to run it, a run to see its output. <kbd className="key">?</kbd> lists the keys, and{" "}
        <Link href="/system">System</Link> says whether petit is well.
      </p>
      <p className="welcome-act">From a terminal, or a script:</p>
      <TriggerLine />
      <Button onClick={dismiss}>Got it</Button>
    </aside>
  );
};

const wasWelcomed = (): boolean => readStored("local", KEY) !== null;

const TriggerLine = () => {
  const { data } = useQuery({ ...jobsQuery(), enabled: useIdle() });
  const id = pick(data?.jobs ?? [])?.id ?? "JOB";
  return <CopyLine text={`curl -X POST ${location.origin}/api/jobs/${id}/trigger`} />;
};

/** One to try: not one that a schedule runs anyway. */
const pick = (jobs: readonly JobSummary[]): JobSummary | undefined =>
  jobs.find(({ id }) => id.startsWith("hello")) ?? jobs.find(({ scheduled }) => !scheduled) ?? jobs[0];

/** True when the view that somebody came for is there. */
const useIdle = (): boolean => {
  const [isIdle, setIdle] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIdle(true), 1_000);
    return () => clearTimeout(timer);
  }, []);
  return isIdle;
};
