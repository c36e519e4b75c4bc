import { useState } from "react";
import { formatRoundedSize } from "../../../lib/size.ts";
import type { ArtifactData } from "../../data/shapes.ts";
import "./artifacts.css";
import { Preview, previewKind } from "./preview.tsx";

type ArtifactsProps = { readonly runId: string; readonly artifacts: readonly ArtifactData[] };

/** Lists the files that are kept with a run, by task, each with a preview of text and images. */
export const Artifacts = ({ runId, artifacts }: ArtifactsProps) => {
  const groups = [...Map.groupBy(artifacts, ({ task_id }) => task_id)];
  return (
    <div className="artifacts">
      {groups.map(([taskId, files]) => (
        <section key={taskId} aria-label={`Artifacts of ${taskId}`}>
          <h2 className="mono">{taskId}</h2>
          <ul>
            {files.map((artifact) => (
              <li key={artifact.path}>
                <ArtifactRow runId={runId} artifact={artifact} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
};

type ArtifactProps = { readonly runId: string; readonly artifact: ArtifactData };

const ArtifactRow = ({ runId, artifact }: ArtifactProps) => {
  const [isOpen, setOpen] = useState(false);
  const name = artifact.path.slice(artifact.task_id.length + 1);
  const url = artifactUrl(runId, artifact.path);
  const download = (
    <a className="artifact-download" href={url} download aria-label={`Download ${name}`}>
      Download
    </a>
  );
  if (previewKind(artifact) === null)
    return (
      <div className="artifact">
        <ArtifactName name={name} size={artifact.size} />
        {download}
      </div>
    );
  return (
    <div className="artifact">
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <ArtifactName name={name} size={artifact.size} />
        </summary>
        {isOpen && <Preview key={artifact.sha256} runId={runId} artifact={artifact} url={url} />}
      </details>
      {download}
    </div>
  );
};

const ArtifactName = ({ name, size }: { readonly name: string; readonly size: number }) => (
  <span className="artifact-name">
    <bdi className="mono">{name}</bdi> <span className="muted">{formatRoundedSize(size)}</span>
  </span>
);

const artifactUrl = (runId: string, path: string): string =>
  `/api/runs/${runId}/artifacts/${path.split("/").map(encodeURIComponent).join("/")}`;
