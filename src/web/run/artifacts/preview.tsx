import { useQuery } from "@tanstack/react-query";
import { formatRoundedSize } from "../../../lib/size.ts";
import { artifactTextQuery, PREVIEW_BYTES } from "../../data/queries.ts";
import type { ArtifactData } from "../../data/shapes.ts";
import { Loaded } from "../../ui/states.tsx";

/** A larger image is only offered for download. */
const MAX_IMAGE_BYTES = 20 * 2 ** 20;

/** Returns how an artifact can be shown, or null. HTML and SVG are never shown, because they could contain scripts. */
export const previewKind = ({ content_type, size }: ArtifactData): "text" | "image" | null => {
  if (content_type.startsWith("text/plain")) return "text";
  const isImage = content_type.startsWith("image/") && content_type !== "image/svg+xml";
  return isImage && size <= MAX_IMAGE_BYTES ? "image" : null;
};

type PreviewProps = { readonly runId: string; readonly artifact: ArtifactData; readonly url: string };

export const Preview = ({ runId, artifact, url }: PreviewProps) => {
  if (artifact.size === 0) return <p className="artifact-note muted">The file is empty.</p>;
  if (previewKind(artifact) === "image") return <img className="artifact-image" src={url} alt={artifact.path} />;
  return <TextPreview runId={runId} artifact={artifact} />;
};

const TextPreview = ({ runId, artifact }: Omit<PreviewProps, "url">) => {
  const text = useQuery(artifactTextQuery(runId, artifact));
  return (
    <Loaded query={text} what="the file">
      {(content) => (
        <>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it. */}
          <pre className="artifact-text" tabIndex={0}>
            {content}
          </pre>
          {artifact.size > PREVIEW_BYTES && (
            <p className="artifact-note muted">
              The first {formatRoundedSize(PREVIEW_BYTES)} of {formatRoundedSize(artifact.size)}
            </p>
          )}
        </>
      )}
    </Loaded>
  );
};
