import { ExternalStore } from "./external-store.ts";

/** A message about the outcome of an action of the user. */
export type PageNotice = {
  readonly id: number;
  readonly text: string;
  /** Why the action failed. A notice with an error stays until the user dismisses it. */
  readonly error?: unknown;
  /** A page with more details. */
  readonly link?: { readonly href: string; readonly text: string };
};

const MAX_NOTICES = 4;
const SHOWN_MS = 6_000;

class NoticeStore extends ExternalStore<readonly PageNotice[]> {
  #lastId = 0;

  constructor() {
    super([]);
  }

  /** Shows a notice in the corner; screen readers announce it. Replaces a notice with the same text. */
  show(notice: Omit<PageNotice, "id">): void {
    const id = ++this.#lastId;
    const others = this.get().filter(({ text }) => text !== notice.text);
    this.set([...others, { ...notice, id }].slice(-MAX_NOTICES));
    if (notice.error === undefined) setTimeout(() => this.dismiss(id), SHOWN_MS);
  }

  dismiss(id: number): void {
    this.set(this.get().filter((notice) => notice.id !== id));
  }
}

export const noticeStore = new NoticeStore();
