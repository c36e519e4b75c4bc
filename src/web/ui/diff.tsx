/** Shows the lines of a unified diff. */
export const Diff = ({ lines, label }: { readonly lines: readonly string[]; readonly label: string }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll the lines.
  <section className="diff" tabIndex={0} aria-label={label}>
    <pre>
      {lines.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other key and keep their order.
        <span key={index} className={line.startsWith("+") ? "is-added" : line.startsWith("-") ? "is-removed" : ""}>
          {line}
          {"\n"}
        </span>
      ))}
    </pre>
  </section>
);
