import { useMutation, useQueryClient } from "@tanstack/react-query";
import { noticeStore } from "../../data/notice-store.ts";
import { type CheckData, type DraftText, jobFileQuery, saveJobFile } from "../job-files.ts";

type Saving = { readonly draft: DraftText; readonly check: CheckData };

type Saved = { readonly digest: string; readonly text: string };

/** Saves a text, and shows a notice with a link to a job of it. The caller shows a failure. */
export const useSave = (onSaved: (saved: Saved) => void) => {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ draft }: Saving) => saveJobFile(draft),
    onSuccess: ({ digest }, { draft: { path, text }, check }) => {
      client.setQueryData(jobFileQuery(path).queryKey, () => ({ path, text, digest }));
      onSaved({ digest, text });
      const [job] = check.diff === null ? [] : [...check.diff.changed, ...check.diff.added];
      noticeStore.show({
        text: `${path} is saved and in use`,
        ...(job !== undefined && { link: { href: `/jobs/${job.id}`, text: `Open ${job.id}` } }),
      });
    },
    onSettled: () => client.invalidateQueries({ predicate: ({ queryKey: [noun] }) => STALE.includes(noun) }),
    meta: {},
  });
};

/** What a save makes stale. Events say the same, unless the connection is lost. */
const STALE: readonly unknown[] = ["job-files", "job-file", "jobs", "job", "definition", "versions", "system"];
