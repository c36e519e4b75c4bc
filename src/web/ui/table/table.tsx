import type { ReactNode } from "react";

type TableProps = {
  /** Caption for screen readers. */
  readonly label: string;
  /** The `<tr>` of the head. */
  readonly head: ReactNode;
  /** The `<tr>`s of the body. The main link of a row has `data-row`: the keys `j` and `k` move between these links. */
  readonly children: ReactNode;
  /**
   * On a phone, each row becomes a card: the first cell is the heading, and the other cells show their `data-label` before
   * the value. Without it, a wide table scrolls horizontally.
   */
  readonly isCards?: boolean;
  readonly className?: string;
};

export const Table = ({ label, head, children, isCards = false, className = "" }: TableProps) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll the table.
  <section className="table-scroll" aria-label={label} tabIndex={0}>
    <table className={`table ${isCards ? "table-cards" : ""} ${className}`}>
      <caption className="visually-hidden">{label}</caption>
      <thead>{head}</thead>
      <tbody>{children}</tbody>
    </table>
  </section>
);
