import { Link } from "wouter";
import { Page } from "../ui/page.tsx";
import { FileList } from "./file-list.tsx";

/** Lists the job files. */
export const FilesView = () => (
  <Page
    title="Job files"
    actions={
      <Link href="/edit/new" className="button button-primary">
        New job
      </Link>
    }
  >
    <FileList />
  </Page>
);
