import { useQuery } from "@tanstack/react-query";
import { Page } from "../../ui/page.tsx";
import { Loaded } from "../../ui/states.tsx";
import { type FileText, jobFileQuery, jobFilesQuery } from "../job-files.ts";
import { startingText } from "../new-file.ts";
import { readDraft } from "./draft.ts";
import { type Base, FileEditor } from "./file-editor.tsx";

/** The editor of a job file. The address may name the template of a new one: `?template=NAME`. */
export const FileView = ({ path }: { readonly path: string }) => {
  const file = useQuery(jobFileQuery(path));
  const template = new URLSearchParams(location.search).get("template");
  const files = useQuery({ ...jobFilesQuery(), enabled: template !== null });
  if (file.data === undefined || (template !== null && files.data === undefined))
    return (
      <Page title={path}>
        {file.data === undefined ? (
          <Loaded query={file} what="the job file">
            {() => null}
          </Loaded>
        ) : (
          <Loaded query={files} what="the templates">
            {() => null}
          </Loaded>
        )}
      </Page>
    );
  const text = startingText(path, files.data?.templates.find(({ name }) => name === template)?.text ?? "");
  return (
    <FileEditor path={path} newest={file.data} version={file.dataUpdatedAt} first={beginning(path, file.data, text)} />
  );
};

/** Returns the text that the editor begins with: the draft of an earlier visit, the file, or the text of a new file. */
const beginning = (path: string, file: FileText | null, newText: string): Parameters<typeof FileEditor>[0]["first"] => {
  const draft = readDraft(path);
  const base: Base = file === null ? { digest: null, text: "" } : { digest: file.digest, text: file.text };
  if (draft === null) return { base, text: file === null ? newText : file.text, aside: null };
  // The text of an earlier state of the file is not known any more.
  const { text, aside } = draft;
  return { base: draft.base === base.digest ? base : { digest: draft.base, text: null }, text, aside };
};
