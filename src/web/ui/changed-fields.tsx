import { differsHiddenText, fieldText } from "../../domain/words/versions/version.ts";
import type { VersionComparison } from "../data/shapes.ts";
import { Diff } from "./diff.tsx";
import "./style/changed-fields.css";

type ChangedFieldsProps = { readonly changes: VersionComparison["changes"] };

/** Shows the fields that differ between two definitions of a job, each with both values. */
export const ChangedFields = ({ changes }: ChangedFieldsProps) => (
  <dl className="changed-fields">
    {changes.map((change) => (
      <div key={change.path} data-change={change.path}>
        <dt className="mono">{change.path}</dt>
        <dd>
          <Change change={change} />
        </dd>
      </div>
    ))}
  </dl>
);

const Change = ({
  change: { path, kind, before, after, diff },
}: {
  readonly change: ChangedFieldsProps["changes"][number];
}) => {
  if (diff !== null) return <Diff lines={diff} label={`Changes of ${path}`} />;
  const [old, current] = [fieldText(before), fieldText(after)];
  if (kind === "changed" && old === current) return <span className="muted">{differsHiddenText}</span>;
  return (
    <>
      {kind !== "added" && (
        <del>
          <span className="visually-hidden">before: </span>
          {old}
        </del>
      )}
      {kind === "changed" && <span aria-hidden> → </span>}
      {kind !== "removed" && (
        <ins>
          <span className="visually-hidden">after: </span>
          {current}
        </ins>
      )}
    </>
  );
};
