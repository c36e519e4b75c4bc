import type { ReactNode } from "react";

export type TableProps = {
  /** What it is a table of, for those who can't see it. */
  readonly label: string;
  /** `<tr>` of the head. */
  readonly head: ReactNode;
  /** `<tr>`s of the body. The link that a row leads to has `data-row`: `j` and `k` move between those. */
  readonly children: ReactNode;
};

/** Scrolls by itself where it is wider than the screen. */
export const Table = ({ label, head, children }: TableProps) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
  <section className="table-scroll" aria-label={label} tabIndex={0}>
    <table className="table">
      <caption className="visually-hidden">{label}</caption>
      <thead>{head}</thead>
      <tbody>{children}</tbody>
    </table>
  </section>
);
