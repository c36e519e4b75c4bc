import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ClientError } from "../../../client/error.ts";
import { noticeStore } from "../../data/notice-store.ts";
import { petitNow } from "../../data/petit-time.ts";
import { type CheckData, type DraftText, jobFileQuery, saveJobFile } from "../job-files.ts";

type Saving = { readonly draft: DraftText; readonly check: CheckData };

type Saved = { readonly digest: string; readonly text: string };

/** Saves a text, and shows a notice with a link to a job of it. The caller shows a failure. */
export const useSave = (onSaved: (saved: Saved) => void) => {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ draft }: Saving) => saveJobFile(draft),
    onSuccess: async ({ digest }, { draft: { path, text }, check }) => {
      // An answer from before the save would pass for a change by somebody else.
      await client.cancelQueries({ queryKey: jobFileQuery(path).queryKey });
      client.setQueryData(jobFileQuery(path).queryKey, () => ({
        path,
        text,
        digest,
        modified_at: petitNow(),
        by: null,
      }));
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

/** Returns whether a text was not saved because somebody else has changed the file. */
export const isOfChangedFile = (error: unknown): boolean =>
  error instanceof ClientError && error.failure.kind === "refused" && error.failure.details?.reason === "file_changed";
