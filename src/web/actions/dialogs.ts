// The dialogs of actions that views open. Each is loaded when it is needed.
import { lazyDialog } from "../data/lazy-dialog.tsx";

export const CancelDialog = lazyDialog(async () => (await import("./cancel-dialog.tsx")).CancelDialog);
export const DecisionDialog = lazyDialog(async () => (await import("./decision-dialog.tsx")).DecisionDialog);
export const HandleDialog = lazyDialog(async () => (await import("./handle-dialog.tsx")).HandleDialog);
export const RetryDialog = lazyDialog(async () => (await import("./retry-dialog.tsx")).RetryDialog);
export const RunDialog = lazyDialog(async () => (await import("../trigger/run-dialog.tsx")).RunDialog);
