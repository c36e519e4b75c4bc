import { problemPlace } from "../../domain/words/problem.ts";
import type { SystemData } from "../data/shapes.ts";
import { Table } from "../ui/table/table.tsx";

/** Lists all problems in job files with their positions. */
export const Problems = ({ problems }: { readonly problems: SystemData["problems"] }) => (
  <section id="problems" className="system-part">
    <h2>Problems in job files</h2>
    <Table
      label="Problems in job files"
      isCards
      head={
        <tr>
          <th scope="col">Position</th>
          <th scope="col">Field</th>
          <th scope="col">Problem</th>
        </tr>
      }
    >
      {problems.map(({ path, message, ...place }) => (
        <tr key={`${problemPlace(place)}:${path}:${message}`}>
          <td className="mono">{problemPlace(place) || "–"}</td>
          <td className="mono" data-label="Field">
            {path === "" ? "–" : path}
          </td>
          <td className="system-long">{message}</td>
        </tr>
      ))}
    </Table>
  </section>
);
