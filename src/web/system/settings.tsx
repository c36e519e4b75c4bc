import type { ReactNode } from "react";
import type { SystemData } from "../data/shapes.ts";
import { Table } from "../ui/table/table.tsx";
import { counted } from "../ui/text/format.ts";

type SettingData = SystemData["settings"][number];

/** Matches the settings that matter only to workers, and to a petit that has some. */
const OF_WORKERS = /^(?:nats.*|lost_after|trust|worker_name|labels|slots|state_dir|allowed_types|task_user)$/;

/** Lists the settings with their values and where they come from. Those about workers are folded unless some are given. */
export const Settings = ({ settings }: { readonly settings: readonly SettingData[] }) => {
  const [ofWorkers, others] = [true, false].map((is) => settings.filter(({ name }) => OF_WORKERS.test(name) === is));
  return (
    <section className="system-part system-settings">
      <h2>Settings</h2>
      <SettingTable label="Settings" settings={others ?? []} />
      {ofWorkers !== undefined && ofWorkers.length > 0 && (
        <details open={ofWorkers.some(({ origin }) => origin !== "default")}>
          <summary>{counted(ofWorkers.length, "setting")} about workers</summary>
          <SettingTable label="Settings about workers" settings={ofWorkers} />
        </details>
      )}
    </section>
  );
};

type SettingTableProps = { readonly label: string; readonly settings: readonly SettingData[] };

const SettingTable = ({ label, settings }: SettingTableProps) => (
  <Table
    label={label}
    isCards
    head={
      <tr>
        <th scope="col">Setting</th>
        <th scope="col">Value</th>
        <th scope="col">Source</th>
        <th scope="col">Description</th>
      </tr>
    }
  >
    {settings.map((setting) => (
      <SettingRow key={setting.name} setting={setting} />
    ))}
  </Table>
);

const SettingRow = ({ setting: { name, text, origin, from, doc } }: { readonly setting: SettingData }) => (
  <tr className={origin === "default" ? undefined : "system-given"}>
    <td className="mono">{name}</td>
    <td className="mono system-long" data-label="Value">
      {text}
    </td>
    <td data-label="Source">
      {origin === "default" ? <span className="muted">default</span> : <Source from={from} />}
    </td>
    <td className="system-long muted">{withCode(doc)}</td>
  </tr>
);

/** Renders text between backticks as code. */
const withCode = (text: string): ReactNode =>
  // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text have no other key and keep their order.
  text.split("`").map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part));

/** The flag, environment variable or file that a value comes from. */
const Source = ({ from }: { readonly from: string | null }) => <code className="nowrap">{from}</code>;
