import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ClientError, isRefused, isUnreachable } from "../../client/error.ts";
import { Button } from "./button.tsx";

/** There is nothing to show, and what to do about it. */
export const Empty = ({ title, children }: { readonly title: string; readonly children?: ReactNode }) => (
  <div className="note">
    <h2>{title}</h2>
    {children}
  </div>
);

const WIDTHS = ["60%", "85%", "72%", "50%"];

/** While the first answer is on its way. */
export const Loading = ({ what = "data" }: { readonly what?: string }) => (
  <div className="skeleton" role="status" aria-label={`loading ${what}`}>
    {WIDTHS.map((width) => (
      <span key={width} style={{ width }} />
    ))}
  </div>
);

export type FailureProps = {
  readonly error: unknown;
  /** What could not be had or done: "The jobs can't be shown". */
  readonly title: string;
  readonly onRetry?: () => void;
};

export const Failure = ({ error, title, onRetry }: FailureProps) => (
  <div className="note note-failure" role="alert">
    <h2>{title}</h2>
    <p>{failureText(error)}</p>
    {onRetry !== undefined && <Button onClick={onRetry}>Try again</Button>}
  </div>
);

export const failureText = (error: unknown): string => {
  if (!(error instanceof ClientError)) return error instanceof Error ? error.message : String(error);
  if (isRefused(error, "UNAUTHORIZED")) return "petit wants its token.";
  if (isUnreachable(error)) return "petit does not answer; this page goes on looking for it.";
  return sentence(error.message);
};

/** petit's own name begins small also there. */
const sentence = (text: string): string =>
  text.startsWith("petit ") ? `${text}.` : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

export type LoadedProps<Data> = {
  readonly query: UseQueryResult<Data>;
  /** For the states without it: "the jobs". */
  readonly what: string;
  readonly children: (data: Data) => ReactNode;
};

/** What a query answered, or that it is on its way, or that it failed. Data that is there stays, whatever comes. */
export const Loaded = <Data,>({ query, what, children }: LoadedProps<Data>) => {
  const { data, error, refetch } = query;
  if (data !== undefined) return children(data);
  if (error === null) return <Loading what={what} />;
  return <Failure title={`petit could not show ${what}`} error={error} onRetry={() => void refetch()} />;
};
