import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { editPath } from "../ui/links.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { Table } from "../ui/table/table.tsx";
import { counted } from "../ui/text/format.ts";
import { draftPaths } from "./draft-paths.ts";
import { type JobFileData, jobFilesQuery } from "./job-files.ts";
import { UnsavedChanges } from "./unsaved-changes.tsx";

/** Number of files from which on there is a field to find one. */
const MANY = 10;

/** The most files that are listed at a time. */
const MAX_SHOWN = 200;

/** Lists the job files with a link to the editor of each. */
export const FileList = () => (
  <Loaded query={useQuery(jobFilesQuery())} what="the job files">
    {({ files }) => (
      <>
        <NewDrafts existing={files.map(({ path }) => path)} />
        {files.length === 0 ? <None /> : <Files files={files} />}
      </>
    )}
  </Loaded>
);

/** Lists what this tab keeps of files that are not written yet. */
const NewDrafts = ({ existing }: { readonly existing: readonly string[] }) => {
  const paths = draftPaths().filter((path) => !existing.includes(path));
  if (paths.length === 0) return null;
  return (
    <p className="row">
      <span>New files, not saved, in this tab:</span>
      {paths.map((path) => (
        <Link key={path} href={editPath(path)} className="mono">
          {path}
        </Link>
      ))}
    </p>
  );
};

const None = () => (
  <Empty title="No job files yet">
    <Link href="/edit/new">Begin with a template</Link>
  </Empty>
);

const Files = ({ files }: { readonly files: readonly JobFileData[] }) => {
  const [text, setText] = useState("");
  const words = text.toLowerCase().split(/\s+/);
  const found = files.filter((file) => words.every((word) => searchedOf(file).includes(word)));
  return (
    <div className="edit-files">
      {files.length > MANY && (
        <div className="row">
          <input
            type="search"
            data-search
            aria-label="Filter job files"
            placeholder="Path or job"
            value={text}
            onChange={({ target }) => setText(target.value)}
          />
          <span className="muted" role="status">
            {found.length === files.length ? counted(files.length, "file") : `${found.length} of ${files.length} files`}
            {found.length > MAX_SHOWN && `, the first ${MAX_SHOWN}`}
          </span>
        </div>
      )}
      <Table
        label="Job files"
        isCards
        head={
          <tr>
            <th scope="col">File</th>
            <th scope="col">Jobs</th>
            <th scope="col">Problems</th>
          </tr>
        }
      >
        {found.slice(0, MAX_SHOWN).map((file) => (
          <File key={file.path} file={file} />
        ))}
      </Table>
    </div>
  );
};

const searchedOf = ({ path, jobs }: JobFileData): string => `${path} ${jobs.join(" ")}`.toLowerCase();

/** Jobs of a file that are named. */
const MAX_JOBS = 5;

const File = ({ file: { path, jobs, problems } }: { readonly file: JobFileData }) => (
  <tr>
    <td>
      <Link href={editPath(path)} className="mono" data-row>
        {path}
      </Link>{" "}
      <UnsavedChanges path={path} />
    </td>
    <td data-label="Jobs">
      <span className="row">
        {jobs.slice(0, MAX_JOBS).map((id) => (
          <Link key={id} href={`/jobs/${id}`}>
            {id}
          </Link>
        ))}
        {jobs.length > MAX_JOBS && <span className="muted">and {jobs.length - MAX_JOBS} more</span>}
        {jobs.length === 0 && <span className="muted">none</span>}
      </span>
    </td>
    <td data-label="Problems">
      {problems === 0 ? (
        <span className="muted">none</span>
      ) : (
        <strong className="edit-wrong">{counted(problems, "problem")}</strong>
      )}
    </td>
  </tr>
);
