import type { ReactNode } from "react";
import { formatDuration } from "../../lib/duration.ts";
import { formatRoundedSize } from "../../lib/size.ts";
import type { SystemData } from "../data/shapes.ts";
import { Elapsed, Time } from "../ui/time/time.tsx";

/** Shows the version, paths and host of petit. */
export const Facts = ({ system }: { readonly system: SystemData }) => (
  <section className="card">
    <h2>petit {system.version}</h2>
    <dl className="facts">
      <Fact name="Uptime">
        <Elapsed since={system.started_at} /> <span className="muted">since</span> <Time at={system.started_at} />
      </Fact>
      <Fact name="Job files">
        {system.job_repository == null ? <Path text={system.jobs_dir} /> : <a href="#job-files">in a repository</a>}
      </Fact>
      <Fact name="Database">
        <Path text={system.database.path} /> <Size {...system.database} />
      </Fact>
      <Fact name="Artifacts">
        <Size {...system.artifacts} />
      </Fact>
      <Fact name="Spool">
        <Size {...system.spool} />
      </Fact>
      {system.heartbeat != null && (
        <Fact name="Heartbeat">
          every {formatDuration(system.heartbeat.every_ms)} to {system.heartbeat.url}
          <span className="muted">
            {system.heartbeat.error !== null && `, failed: ${system.heartbeat.error}`}
            {system.heartbeat.last_at !== null && (
              <>
                , last <Time at={system.heartbeat.last_at} />
              </>
            )}
          </span>
        </Fact>
      )}
      {system.backup != null && (
        <Fact name="Backups">
          {system.backup.last_at === null ? "none yet" : <Time at={system.backup.last_at} />}
          {system.backup.last_bytes !== null && `, ${formatRoundedSize(system.backup.last_bytes)}`}
          <span className="muted">
            , {system.backup.copies === 1 ? "1 copy" : `${system.backup.copies} copies`} in{" "}
            <Path text={system.backup.folder} />
            {system.backup.is_running && ", one is being made"}
            {system.backup.error !== null && `, failed: ${system.backup.error}`}
            {system.backup.error === null && system.backup.next_at !== null && (
              <>
                , next <Time at={system.backup.next_at} />
              </>
            )}
          </span>
        </Fact>
      )}
      {system.limit_support != null && (
        <Fact name="Limits">
          {system.limit_support.enforced.length === 0
            ? "not enforced"
            : `${system.limit_support.enforced.join(", ")} enforced`}
          {system.limit_support.reason !== null && (
            <span className="muted">
              , because {system.limit_support.reason}; {system.limit_support.advice}
            </span>
          )}
        </Fact>
      )}
      <Fact name="Time zone">{system.timezone}</Fact>
      <Fact name="Host">
        {system.hostname} <span className="muted">({system.target})</span>, process {system.pid}
      </Fact>
      <Fact name="Built with">
        {RUNTIMES[system.runtime.name] ?? system.runtime.name} {system.runtime.version}, SQLite {system.sqlite_version},
        schema {system.database.schema}
      </Fact>
    </dl>
  </section>
);

type SizeProps = { readonly bytes: number; readonly free_bytes: number | null };

const Size = ({ bytes, free_bytes }: SizeProps) => (
  <span className="nowrap">
    {formatRoundedSize(bytes)}
    {free_bytes !== null && <span className="muted">, {formatRoundedSize(free_bytes)} free</span>}
  </span>
);

const RUNTIMES: Readonly<Record<string, string>> = { bun: "Bun", deno: "Deno" };

const Fact = ({ name, children }: { readonly name: string; readonly children: ReactNode }) => (
  <>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </>
);

const Path = ({ text }: { readonly text: string }) => <code>{text}</code>;
