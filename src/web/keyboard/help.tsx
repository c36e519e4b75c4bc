import { Dialog } from "../ui/overlay/dialog.tsx";
import { shortcuts } from "./shortcuts.ts";

/** Lists the keyboard shortcuts of the current view. */
export const KeyboardHelp = ({ onClose }: { readonly onClose: () => void }) => (
  <Dialog title="Keyboard shortcuts" onClose={onClose}>
    <dl className="facts">
      {shortcuts()
        .filter(({ isOn }) => isOn !== false)
        .map(({ key, what }) => (
          <div key={key} className="shortcut">
            <dt className="row">
              {key.split(" ").map((each) => (
                <kbd className="key" key={each}>
                  {each}
                </kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      <div className="shortcut">
        <dt className="row">
          <kbd className="key">Ctrl</kbd>
          <kbd className="key">K</kbd>
        </dt>
        <dd>Find jobs, runs and actions</dd>
      </div>
      <div className="shortcut">
        <dt>
          <kbd className="key">Enter</kbd>
        </dt>
        <dd>Open the focused item</dd>
      </div>
      <div className="shortcut">
        <dt>
          <kbd className="key">Esc</kbd>
        </dt>
        <dd>Close a dialog</dd>
      </div>
    </dl>
  </Dialog>
);
