import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { ClientError, isRefused, isUnreachable } from "../../client/error.ts";
import { errorMessage } from "../../lib/error-message.ts";
import { Button } from "./button.tsx";

/** Shown if there is no data, with what the user can do. */
export const Empty = ({ title, children }: { readonly title: string; readonly children?: ReactNode }) => (
  <div className="note">
    <h2>{title}</h2>
    {children}
  </div>
);

const WIDTHS = ["60%", "85%", "72%", "50%"];

/** Shown until the first answer arrives. */
export const Loading = ({ what = "data" }: { readonly what?: string }) => (
  <div className="skeleton" role="status" aria-label={`loading ${what}`}>
    {WIDTHS.map((width) => (
      <span key={width} style={{ width }} />
    ))}
  </div>
);

type FailureProps = {
  readonly error: unknown;
  /** What failed: "Could not load the jobs". */
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

/** Returns the message of an error for the user. */
export const failureText = (error: unknown): string => {
  if (!(error instanceof ClientError)) return errorMessage(error);
  if (isRefused(error, "UNAUTHORIZED")) return "petit requires a token.";
  if (isUnreachable(error)) return "petit does not answer. This page keeps trying to reconnect.";
  return sentence(error.message);
};

/** Makes a sentence of a message, which may end with a question. The name petit keeps its lower case. */
const sentence = (text: string): string => {
  const end = text.endsWith("?") ? "" : ".";
  return text.startsWith("petit ") ? `${text}${end}` : `${text.charAt(0).toUpperCase()}${text.slice(1)}${end}`;
};

/** Shown for a job or a run that does not exist, or does not exist any more: trying again would not help. */
const Gone = ({ error }: { readonly error: unknown }) => (
  <div className="note" role="alert">
    <h2>{failureText(error)}</h2>
    <p>
      It may have been removed, or the link is wrong. See <Link href="/runs">all runs</Link>,{" "}
      <Link href="/jobs">all jobs</Link>, or <Link href="/">what is running now</Link>.
    </p>
  </div>
);

type LoadedProps<Data> = {
  readonly query: UseQueryResult<Data>;
  /** Names the data while there is none: "the jobs". */
  readonly what: string;
  readonly children: (data: Data) => ReactNode;
};

/** Shows the data of a query, a placeholder while it loads, or its error. Data that was loaded stays after an error. */
export const Loaded = <Data,>({ query, what, children }: LoadedProps<Data>) => {
  const { data, error, refetch } = query;
  if (data !== undefined) return children(data);
  if (error === null) return <Loading what={what} />;
  if (isRefused(error, "NOT_FOUND")) return <Gone error={error} />;
  return <Failure title={`Could not load ${what}`} error={error} onRetry={() => void refetch()} />;
};
