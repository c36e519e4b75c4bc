import { Link } from "wouter";
import { FileList } from "../edit/file-list.tsx";

/** Lists the job files, which can be edited. */
export const JobFiles = () => (
  <section id="job-files" className="system-part">
    <div className="row">
      <h2>Job files</h2>
      <Link href="/edit/new">New job</Link>
    </div>
    <FileList />
  </section>
);
