import { useEffect, useState, useSyncExternalStore } from "react";
import { useStore } from "../../data/external-store.ts";
import { sessionStore } from "../../data/session-store.ts";
import { lineLink } from "../line-link.ts";
import { LogBook, type LogOptions } from "./book.ts";

const noSubscription = () => () => {};

/** Returns the filtered log of a run and re-renders the component when it changes. Returns null at the first render. */
export const useLogBook = ({
  runId,
  filter,
  from,
}: LogOptions & { readonly from: "start" | "end" }): LogBook | null => {
  const [book, setBook] = useState<LogBook | null>(null);
  const { task, item, attempt, stream } = filter;
  const { logins } = useStore(sessionStore);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the fields of the filter and the logins are listed; `from` counts only at the first load.
  useEffect(() => {
    const newBook = new LogBook({ runId, filter });
    setBook(newBook);
    void newBook.start(from === "end" && lineLink() === null ? "end" : "start");
    return () => newBook.stop();
  }, [runId, task, item, attempt, stream, logins]);
  useSyncExternalStore(book?.subscribe ?? noSubscription, () => book?.version() ?? 0);
  return book;
};
