import type { ReactNode } from "react";

export type TableProps = {
  /** What it is a table of, for those who can't see it. */
  readonly label: string;
  /** `<tr>` of the head. */
  readonly head: ReactNode;
  /** `<tr>`s of the body. The link that a row leads to has `data-row`: `j` and `k` move between those. */
  readonly children: ReactNode;
  /**
   * On a phone each row becomes a card: the first cell is its heading, and each other says before its value what its
   * `data-label` holds. Without it, a wide table scrolls by itself.
   */
  readonly isCards?: boolean;
  readonly className?: string;
};

export const Table = ({ label, head, children, isCards = false, className = "" }: TableProps) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
  <section className="table-scroll" aria-label={label} tabIndex={0}>
    <table className={`table ${isCards ? "table-cards" : ""} ${className}`}>
      <caption className="visually-hidden">{label}</caption>
      <thead>{head}</thead>
      <tbody>{children}</tbody>
    </table>
  </section>
);
