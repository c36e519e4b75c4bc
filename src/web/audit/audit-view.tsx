import { useQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "wouter";
import { petitNow } from "../data/petit-time.ts";
import { ForAdmins } from "../person/for-admins.tsx";
import { Button } from "../ui/button.tsx";
import { withParam } from "../ui/choice.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { auditQuery } from "./audit-data.ts";
import { AUDIT_PARAMS, auditExportPath, auditQueryFor } from "./audit-filter.ts";
import { AuditFilters } from "./audit-filters.tsx";
import { AuditTable } from "./audit-table.tsx";
import "./audit.css";

/** Lists who did what, newest first. For admins. */
export const AuditView = () => {
  const [params] = useSearchParams();
  return (
    <Page
      title="Audit log"
      isWide
      lead={
        <>
          <Link href="/system">System</Link> · who changed what, and what was denied
        </>
      }
      actions={
        <a className="button" href={auditExportPath(params, petitNow())} download="petit-audit.jsonl">
          Export as JSON lines
        </a>
      }
    >
      <ForAdmins what="the audit log">
        <Entries />
      </ForAdmins>
    </Page>
  );
};

const Entries = () => {
  const [params, setParams] = useSearchParams();
  const entries = useQuery(auditQuery(auditQueryFor(params, petitNow())));
  const isNarrowed = AUDIT_PARAMS.some((name) => params.has(name));
  const isNewest = !params.has("before");
  const set = (values: Readonly<Record<string, string>>): void =>
    setParams((now) =>
      Object.entries({ ...values, before: "" }).reduce((next, [name, value]) => withParam(next, name, value), now),
    );
  return (
    <>
      <AuditFilters params={params} onChange={set} />
      <Loaded query={entries} what="the audit log">
        {({ entries: shown, next }) => (
          <>
            {shown.length > 0 && <AuditTable entries={shown} onFilter={set} />}
            {shown.length === 0 && !isNarrowed && (
              <Empty title="Nothing is recorded yet">
                <p>
                  petit records here whatever changes something: triggers, cancels, approvals, reloads, tokens, and what
                  was denied.
                </p>
              </Empty>
            )}
            {shown.length === 0 && isNarrowed && (
              <Empty title="No matching entries">
                <Button onClick={() => setParams({})}>Show all entries</Button>
              </Empty>
            )}
            <nav className="row" aria-label="Pages">
              {isNewest ? (
                <Button isBusy={entries.isFetching} onClick={() => void entries.refetch()}>
                  Look for newer entries
                </Button>
              ) : (
                <PageLink text="Newest" params={withParam(params, "before", "")} />
              )}
              {next !== null && <PageLink text="Older" params={withParam(params, "before", String(next))} />}
            </nav>
          </>
        )}
      </Loaded>
    </>
  );
};

const PageLink = ({ text, params }: { readonly text: string; readonly params: URLSearchParams }) => (
  <Link
    className="button"
    href={`/system/audit${params.size === 0 ? "" : `?${params}`}`}
    onClick={() => scrollTo(0, 0)}
  >
    {text}
  </Link>
);
