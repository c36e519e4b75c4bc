import { type KeyboardEvent, type ReactNode, useId, useRef } from "react";
import "./style/tabs.css";

export type Tab = { readonly id: string; readonly label: ReactNode };

type TabsProps = {
  /** Names the tabs for screen readers. */
  readonly label: string;
  readonly tabs: readonly Tab[];
  /** Id of the selected tab. */
  readonly selected: string;
  readonly onSelect: (id: string) => void;
  /** Content beside the tabs. */
  readonly beside?: ReactNode;
  /** The content of the selected tab. */
  readonly children: ReactNode;
};

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1 };

/** Tabs and the panel of the selected one. The arrow keys move between the tabs. */
export const Tabs = ({ label, tabs, selected, onSelect, beside, children }: TabsProps) => {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const index = tabs.findIndex((tab) => tab.id === selected);
    const next = tabs[(index + step + tabs.length) % tabs.length];
    if (next === undefined) return;
    onSelect(next.id);
    list.current?.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  };
  return (
    <>
      <div className="tabs">
        <div ref={list} role="tablist" aria-label={label} className="tab-list" onKeyDown={move}>
          {tabs.map((tab) => (
            <button
              key={tab.id}
              type="button"
              role="tab"
              id={`${id}${tab.id}`}
              data-tab={tab.id}
              aria-selected={tab.id === selected}
              aria-controls={`${id}panel`}
              tabIndex={tab.id === selected ? 0 : -1}
              onClick={() => onSelect(tab.id)}
            >
              {tab.label}
            </button>
          ))}
        </div>
        {beside}
      </div>
      <div role="tabpanel" id={`${id}panel`} aria-labelledby={`${id}${selected}`} className="tab-panel">
        {children}
      </div>
    </>
  );
};
