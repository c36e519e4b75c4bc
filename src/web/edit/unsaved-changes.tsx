import { draftPaths } from "./draft-paths.ts";

/** Says beside the link to the editor of a job file that this tab keeps an unsaved text of it. */
export const UnsavedChanges = ({ path }: { readonly path: string }) =>
  draftPaths().includes(path) && <span className="muted">unsaved changes in this tab</span>;
