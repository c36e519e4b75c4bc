import { Component, type ReactNode } from "react";
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
      <div className="page">
        {/* After an upgrade of petit, the parts that this page would load are gone. */}
        <Failure title="This view can't be shown" error={error} onRetry={() => location.reload()} />
      </div>
    );
  }
}
