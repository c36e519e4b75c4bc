import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { petit } from "../data/client.ts";
import type { AuditQuery } from "./audit-filter.ts";

const listAudit = (query: AuditQuery) => petit.get("/api/audit", { query });

/** Query for a page of the audit log. The previous one stays visible until it is loaded. */
export const auditQuery = (query: AuditQuery) =>
  queryOptions({ queryKey: ["audit", query], queryFn: () => listAudit(query), placeholderData: keepPreviousData });

export type AuditEntry = Awaited<ReturnType<typeof listAudit>>["entries"][number];
