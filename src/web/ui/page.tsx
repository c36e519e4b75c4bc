import { type ReactNode, useEffect, useRef } from "react";

type PageProps = {
  /** Heading. The title of the tab is the heading and " · petit". */
  readonly title: string;
  /** A line below the heading. */
  readonly lead?: ReactNode;
  /** Buttons beside the heading. */
  readonly actions?: ReactNode;
  /** Uses the full width, for a timeline or a graph. */
  readonly isWide?: boolean;
  /** Fills the window: the last part of the content takes the rest of the height. */
  readonly isFilling?: boolean;
  readonly children: ReactNode;
};

/** Moves the focus to the heading of each page that the user navigates to. */
class NavigationFocus {
  #hasPage = false;

  enter(heading: HTMLElement | null): void {
    // The browser itself sets the initial focus of the first page.
    if (this.#hasPage) heading?.focus({ preventScroll: true });
    this.#hasPage = true;
  }
}

const navigationFocus = new NavigationFocus();

/** The frame of a view: one heading, which gets the focus after navigation, and the content. */
export const Page = ({ title, lead, actions, isWide = false, isFilling = false, children }: PageProps) => {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · petit`;
  }, [title]);
  useEffect(() => navigationFocus.enter(heading.current), []);
  return (
    <div className={`page${isWide ? " page-wide" : ""}${isFilling ? " page-filling" : ""}`}>
      <header className="page-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {lead !== undefined && <div className="page-lead">{lead}</div>}
        </div>
        {actions !== undefined && <div className="row">{actions}</div>}
      </header>
      {children}
    </div>
  );
};
