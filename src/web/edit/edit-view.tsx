import { useQuery } from "@tanstack/react-query";
import { Link, useLocation } from "wouter";
import { sessionQuery, systemQuery } from "../data/queries.ts";
import type { SystemData } from "../data/shapes.ts";
import { Page } from "../ui/page.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import "./edit.css";
import { FileView } from "./file/file-view.tsx";
import { KeptText } from "./file/kept-text.tsx";
import { FilesView } from "./files-view.tsx";
import { NewJobView } from "./new-job-view.tsx";

/** Edits the job files of the folder: `/edit` lists them, `/edit/new` begins one, and `/edit/PATH` is the editor of one. */
export const EditView = () => {
  // The address has the names encoded; the router's has not, and so would confuse a name with a "%".
  useLocation();
  const path = decodedPath(location.pathname.replace(/^\/edit\/?/, ""));
  const system = useQuery({ ...systemQuery(), refetchInterval: false });
  const session = useQuery(sessionQuery());
  if (path === null)
    return (
      <Page title="Page not found" lead="There is no page at this address.">
        <p>
          <Link href="/edit">List the job files</Link>
        </p>
      </Page>
    );
  if (system.data?.editing !== true || session.data?.role !== "admin")
    return (
      <Page title="Edit job files">
        <Loaded query={system} what="the settings">
          {(found) => (
            <Loaded query={session} what="who you are">
              {() => (
                <>
                  <Off system={found} />
                  <KeptText path={path} />
                </>
              )}
            </Loaded>
          )}
        </Loaded>
      </Page>
    );
  if (path === "") return <FilesView />;
  if (path === "new") return <NewJobView />;
  return <FileView key={path} path={path} />;
};

/** Returns the path of a file in an address, or null if it can't be one. */
const decodedPath = (text: string): string | null => {
  try {
    return text.split("/").map(decodeURIComponent).join("/");
  } catch {
    return null;
  }
};

const Off = ({ system: { job_repository, editing } }: { readonly system: SystemData }) => {
  if (job_repository != null)
    return (
      <Empty title="The job files are in a repository">
        <p>
          Edit them there; petit takes each commit. <Link href="/system#job-files">System</Link> shows the commit in
          use.
        </p>
      </Empty>
    );
  if (editing === true)
    return (
      <Empty title="Only admins edit job files">
        <p>Log in with the token of an admin, or ask one.</p>
      </Empty>
    );
  return (
    <Empty title="Editing is off">
      <p>
        Start petit with <code>--edit</code> to edit the job files here.
      </p>
    </Empty>
  );
};
