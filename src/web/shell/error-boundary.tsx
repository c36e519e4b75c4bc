import { Component, type ReactNode } from "react";
import { Page } from "../ui/page.tsx";
import { Failure } from "../ui/states.tsx";

type Props = { readonly children: ReactNode };
type State = { readonly error: unknown };

/** A view that throws is not the end of the page. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <Page title="This view can't be shown">
        {/* After an upgrade of petit, the parts that this page would load are gone. */}
        <Failure title="What went wrong" error={error} onRetry={() => location.reload()} />
      </Page>
    );
  }
}
