import { useEffect, useState, useSyncExternalStore } from "react";
import { useStore } from "../../data/external-store.ts";
import { tokenStore } from "../../data/token-store.ts";
import { lineLink } from "../line-link.ts";
import { LogBook, type LogOptions } from "./book.ts";

const NOBODY = () => () => {};

/** The log of a run through a filter; the component is drawn anew when there is something new in it. Null for a moment. */
export const useLogBook = ({
  runId,
  filter,
  from,
}: LogOptions & { readonly from: "start" | "end" }): LogBook | null => {
  const [book, setBook] = useState<LogBook | null>(null);
  const { task, attempt, stream } = filter;
  const { token } = useStore(tokenStore);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the filter is its fields, another token is another reason to ask; where it opens counts when it does.
  useEffect(() => {
    const made = new LogBook({ runId, filter });
    setBook(made);
    void made.start(from === "end" && lineLink() === null ? "end" : "start");
    return () => made.stop();
  }, [runId, task, attempt, stream, token]);
  useSyncExternalStore(book?.subscribe ?? NOBODY, () => book?.version() ?? 0);
  return book;
};
