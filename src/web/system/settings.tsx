import type { ReactNode } from "react";
import type { SystemData } from "../data/shapes.ts";
import { Table } from "../ui/table/table.tsx";

type SettingData = SystemData["settings"][number];

/** Lists the settings with their values and where they come from. */
export const Settings = ({ settings }: { readonly settings: readonly SettingData[] }) => (
  <section className="system-part system-settings">
    <h2>Settings</h2>
    <Table
      label="Settings"
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
  </section>
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
const Source = ({ from }: { readonly from: string | null }) => <code>{from}</code>;
