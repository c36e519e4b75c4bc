import { Component, type ReactNode } from "react";
import { Page } from "../ui/page.tsx";
import { Failure } from "../ui/states.tsx";

type ErrorBoundaryProps = { readonly children: ReactNode };
type ErrorBoundaryState = { readonly error: unknown };

/** Shows the error of a view that throws, and keeps the rest of the page working. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, ErrorBoundaryState> {
  override state: ErrorBoundaryState = { error: null };

  static getDerivedStateFromError(error: unknown): ErrorBoundaryState {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <Page title="This view can't be shown">
        {/* After an upgrade of petit, the page must be reloaded to get its modules. */}
        <Failure title="An error occurred" error={error} onRetry={() => location.reload()} />
      </Page>
    );
  }
}
