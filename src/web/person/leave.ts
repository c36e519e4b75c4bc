import { noticeStore } from "../data/notice-store.ts";
import { logOut } from "../data/session.ts";

/** Logs out, or says that this has failed. */
export const leave = (): void =>
  void logOut().catch((error: unknown) => noticeStore.show({ text: "You are still logged in", error }));
